import { z } from 'zod';
import { dialectRoute } from '../../generation/dialect-route.ts';
import { chatEndpoint } from './chat-endpoint.ts';
import { openaiErrors } from './openai-errors.ts';

const count = z.int();

/** A chat completion, as far as every provider has it. */
export const chatCompletion = z
  .looseObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.looseObject({
        index: z.int(),
        message: z.looseObject({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.string().nullable(),
          tool_calls: z
            .array(
              z.looseObject({
                id: z.string(),
                type: z.string(),
                function: z.object({ name: z.string(), arguments: z.string() }).optional(),
              }),
            )
            .optional(),
        }),
        finish_reason: z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'function_call']),
        logprobs: z.looseObject({}).nullable(),
      }),
    ),
    usage: z.looseObject({ prompt_tokens: count, completion_tokens: count, total_tokens: count }).optional(),
  })
  .meta({
    id: 'ChatCompletion',
    examples: [
      {
        id: 'chatcmpl-01M84AFMN7N75S4NC9P52Q6ACC',
        object: 'chat.completion',
        created: 1763891160,
        model: 'gpt-4o-2024-11-20',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'A neural network that …', refusal: null },
            logprobs: null,
            finish_reason: 'stop',
          },
        ],
        usage: { prompt_tokens: 24, completion_tokens: 9, total_tokens: 33 },
      },
    ],
  });

export const chatRoute = dialectRoute(chatEndpoint, {
  tags: ['OpenAI'],
  summary: 'Chat completion',
  description:
    'As OpenAI answers it, also by models of other providers. With `stream` it answers with server-sent events: ' +
    'chunks, and `[DONE]`. A wait that runs out answers 504, and the retry of an SDK is given the same job.',
  response: { 200: chatCompletion, ...openaiErrors },
});
