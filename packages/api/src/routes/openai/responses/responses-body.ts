import { z } from 'zod';
import { flatBodyRule, isFlatBody } from '../../../generation/is-flatter-than.ts';
import { openaiMembers } from '../openai-members.ts';

const { model, temperature, top_p, metadata, stream, user, safety_identifier, gateway } = openaiMembers;

const typed = z.looseObject({ type: z.string() });

/** What of a body makes its prompt, which `POST /v1/responses/input_tokens` counts. */
const prompt = {
  input: z
    .union(
      [z.string(), z.array(z.looseObject({ type: z.string().nullish(), role: z.string().nullish() })).min(1)],
      'must be a string or a list of at least one item',
    )
    .nullish(),
  instructions: z.string().nullish(),
  previous_response_id: z.string().nullish(),
  tools: z.array(typed).nullish(),
  tool_choice: z.union([z.string(), typed], 'must be a string or an object with a type').nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.looseObject({ format: typed.nullish(), verbosity: z.string().nullish() }).nullish(),
  reasoning: z.looseObject({ effort: z.string().nullish(), summary: z.string().nullish() }).nullish(),
  truncation: z.string().nullish(),
};

/** Body of `POST /v1/responses/input_tokens`. */
export const inputTokensBody = z
  .looseObject({ model: z.string().max(256).nullish(), ...prompt })
  .refine(isFlatBody, flatBodyRule)
  .meta({ id: 'ResponseInputTokensRequest', examples: [{ model: 'gpt-4o', input: 'Hello' }] });

export type InputTokensBody = z.output<typeof inputTokensBody>;

/**
 * Body of `POST /v1/responses`. What we do not know is kept: a provider that speaks the dialect is sent the body as it
 * came, nulls too.
 */
export const responsesBody = z
  .looseObject({
    model,
    ...prompt,
    temperature,
    top_p,
    metadata,
    stream,
    user,
    safety_identifier,
    gateway,
    max_output_tokens: z.int().min(1).nullish(),
    max_tool_calls: z.int().min(1).nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    include: z.array(z.string()).nullish(),
    store: z.boolean().nullish(),
    background: z.boolean().nullish().describe('Answers at once; the response is found at GET /v1/responses/{id}'),
    stream_options: z.looseObject({}).nullish(),
    service_tier: z.string().nullish(),
    prompt_cache_key: z.string().nullish(),
    conversation: z.unknown().optional().describe('Not supported: send the conversation as input'),
  })
  .refine(isFlatBody, flatBodyRule)
  .meta({
    id: 'ResponseRequest',
    examples: [{ model: 'gpt-4o', input: 'Explain transformers in machine learning' }],
  });

export type ResponsesBody = z.output<typeof responsesBody>;
