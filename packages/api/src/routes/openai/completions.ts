import { z } from 'zod';
import { dialectRoute } from '../../generation/dialect-route.ts';
import { completionsEndpoint } from './completions-endpoint.ts';
import { openaiErrors } from './openai-errors.ts';

const completion = z
  .looseObject({
    id: z.string(),
    object: z.literal('text_completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.looseObject({
        index: z.int(),
        text: z.string(),
        logprobs: z.looseObject({}).nullable(),
        finish_reason: z.enum(['stop', 'length', 'content_filter']),
      }),
    ),
    usage: z.looseObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() }).optional(),
  })
  .meta({
    id: 'Completion',
    examples: [
      {
        id: 'cmpl-01M84AFMN7N75S4NC9P52Q6ACC',
        object: 'text_completion',
        created: 1763891160,
        model: 'gpt-3.5-turbo-instruct',
        choices: [{ index: 0, text: ' there was a king', logprobs: null, finish_reason: 'length' }],
        usage: { prompt_tokens: 4, completion_tokens: 16, total_tokens: 20 },
      },
    ],
  });

export const completionsRoute = dialectRoute(completionsEndpoint, {
  tags: ['OpenAI'],
  summary: 'Text completion',
  description: 'As it was before chats; only by models of providers that still offer it.',
  response: { 200: completion, ...openaiErrors },
});
