import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { Routing } from '@llm-gateway/shared/routing/routing';
import type { LaneBoard } from '../lanes/lane-board.ts';
import { planTargets } from '../routing/plan-targets.ts';
import { fitModel } from './fit-model.ts';
import type { GenerationRequest } from './generation-request.ts';

/** The model to be asked first, and those to be asked where it fails. */
export type Targets = readonly [ResolvedModel, ...ResolvedModel[]];

/**
 * The models that a request may be answered by. Of a name of the operator's, those that can take the request; where
 * none can, throws what is wrong with the first one. Throws as `fitModel` does for any other name.
 */
export async function fitTargets(
  request: Parameters<typeof fitModel>[0] & Pick<GenerationRequest, 'model'>,
  board: LaneBoard,
  routing: Pick<Routing, 'aliases'>,
  random: () => number,
): Promise<Targets> {
  if (!routing.aliases.has(request.model)) return [await fitModel(request, board)];
  const fitting: ResolvedModel[] = [];
  let fault: unknown;
  for (const { id } of planTargets(request.model, routing, random)) {
    try {
      fitting.push(await fitModel({ ...request, model: id }, board));
    } catch (error) {
      if (!(error instanceof GatewayError) || error.failure.code === 'dependency_down') throw error;
      fault ??= error;
    }
  }
  const [first, ...others] = fitting;
  if (!first) throw fault;
  return [first, ...others];
}
