import { type Generation, reasoningEfforts } from '@llm-gateway/shared/contracts/generation';
import { z } from 'zod';
import type { Refuse } from '../../../generation/no-counterpart.ts';
import { readInput } from './input-items.ts';
import { readTools } from './read-tools.ts';
import type { InputTokensBody, ResponsesBody } from './responses-body.ts';

type Format = NonNullable<Generation['responseFormat']>;

const schemaFormat = z.looseObject({
  type: z.literal('json_schema'),
  name: z.string(),
  schema: z.record(z.string(), z.unknown()),
  strict: z.boolean().nullish(),
});

/** What of a body makes its prompt, in the neutral form. */
export function readPrompt(body: InputTokensBody, refuse: Refuse): Generation {
  const format = body.text?.format ? readFormat(body.text.format, refuse) : undefined;
  return {
    ...readInput(body.input ?? '', body.instructions, refuse),
    ...readTools(body, refuse),
    ...(format ? { responseFormat: format } : {}),
  };
}

/** The neutral form of a whole body. */
export function readGeneration(body: ResponsesBody, refuse: Refuse): Generation {
  const { max_output_tokens, temperature, top_p } = body;
  return {
    ...readPrompt(body, refuse),
    ...readEffort(body.reasoning?.effort, refuse),
    ...(max_output_tokens == null ? {} : { maxTokens: max_output_tokens }),
    ...(temperature == null ? {} : { temperature }),
    ...(top_p == null ? {} : { topP: top_p }),
  };
}

function readFormat(given: { type: string }, refuse: Refuse): Format | undefined {
  if (given.type === 'text' || given.type === 'json_object') return { type: given.type };
  const parsed = schemaFormat.safeParse(given);
  if (!parsed.success) {
    refuse('/text/format');
    return undefined;
  }
  const { name, schema, strict } = parsed.data;
  return { type: 'json_schema', name, schema, ...(strict == null ? {} : { strict }) };
}

function readEffort(effort: string | null | undefined, refuse: Refuse): Pick<Generation, 'reasoningEffort'> {
  if (effort == null) return {};
  const known = reasoningEfforts.find((one) => one === effort);
  if (!known) refuse('/reasoning/effort');
  return known ? { reasoningEffort: known } : {};
}
