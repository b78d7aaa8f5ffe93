import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { Caller } from '../auth/caller.ts';
import type { ApiDeps } from '../deps.ts';
import type { LaneBoard } from '../lanes/lane-board.ts';
import { countPrompt } from './count-prompt.ts';
import { countedModel } from './counted-model.ts';

export type CountDeps = Pick<ApiDeps, 'counter' | 'routing'> & { board: Pick<LaneBoard, 'survey'> };

/** How many tokens a prompt is likely to come to with the model of that name. Throws as `countedModel` does. */
export async function countForModel(
  generation: Generation,
  name: string,
  caller: Pick<Caller, 'models'>,
  { counter, routing, board }: CountDeps,
): Promise<number> {
  const { lanes, known } = await board.survey();
  const model = countedModel(name, caller, { known }, routing);
  // A stand-in counts as OpenAI does, whomever it stands in for.
  const counts = lanes.get(model.provider) === 'sandbox' ? 'sandbox' : model.provider;
  return countPrompt(generation, { model, counts }, counter);
}
