import { z } from 'zod';
import { flatBodyRule, isFlatBody } from '../../generation/is-flatter-than.ts';
import { openaiMembers } from './openai-members.ts';

/** A part of what is said. One of a kind that nobody here knows is for the provider to judge. */
const contentPart = z.looseObject({
  type: z.string(),
  text: z.string().nullish(),
  refusal: z.string().nullish(),
  image_url: z.looseObject({ url: z.string(), detail: z.string().nullish() }).nullish(),
  file: z
    .looseObject({ file_data: z.string().nullish(), file_id: z.string().nullish(), filename: z.string().nullish() })
    .nullish(),
});

export type ContentPart = z.output<typeof contentPart>;

const calledFunction = z.looseObject({ name: z.string(), arguments: z.string() });

const message = z.looseObject({
  role: z.string().describe('developer, system, user, assistant or tool; function, as it was before tools'),
  content: z.union([z.string(), z.array(contentPart)], 'must be a string or a list of parts').nullish(),
  refusal: z.string().nullish(),
  tool_calls: z
    .array(z.looseObject({ id: z.string(), type: z.string().nullish(), function: calledFunction.nullish() }))
    .nullish(),
  function_call: calledFunction.nullish(),
  tool_call_id: z.string().nullish(),
  name: z.string().nullish(),
});

export type ChatMessage = z.output<typeof message>;

const declaredFunction = z.looseObject({
  name: z.string().min(1).max(64),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

const responseFormat = z.looseObject({
  type: z.string(),
  json_schema: z
    .looseObject({
      name: z.string().min(1).max(64),
      schema: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish(),
    })
    .nullish(),
});

const tokensMax = z.int().min(0).nullish();

/** Body of `POST /v1/chat/completions`. Members that are not here are passed on to a provider that speaks the dialect. */
export const chatBody = z
  .looseObject({
    ...openaiMembers,
    messages: z.array(message).min(1),
    max_completion_tokens: tokensMax.describe('0: no limit'),
    max_tokens: tokensMax.describe('The same, as it was called before'),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    tools: z.array(z.looseObject({ type: z.string(), function: declaredFunction.nullish() })).nullish(),
    tool_choice: z
      .union(
        [z.string(), z.looseObject({ type: z.string(), function: z.looseObject({ name: z.string() }).nullish() })],
        'must be a string or an object with a type',
      )
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    functions: z.array(declaredFunction).nullish().describe('As tools were before they were called so'),
    function_call: z
      .union([z.string(), z.looseObject({ name: z.string() })], 'must be a string or an object with a name')
      .nullish(),
    response_format: responseFormat.nullish(),
    reasoning_effort: z.string().nullish(),
    verbosity: z.string().nullish(),
    modalities: z.array(z.string()).nullish(),
    audio: z.looseObject({}).nullish(),
    prediction: z.looseObject({}).nullish(),
    web_search_options: z.looseObject({}).nullish(),
    service_tier: z.string().nullish(),
    store: z.boolean().nullish().describe('Whether GET /v1/chat/completions lists it'),
    prompt_cache_key: z.string().nullish(),
  })
  .refine(isFlatBody, flatBodyRule)
  .meta({
    id: 'ChatCompletionRequest',
    examples: [
      {
        model: 'gpt-4o',
        messages: [
          { role: 'developer', content: 'Answer in one sentence.' },
          { role: 'user', content: 'What is a transformer?' },
        ],
        max_completion_tokens: 200,
      },
    ],
  });

export type ChatBody = z.output<typeof chatBody>;
