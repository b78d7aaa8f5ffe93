import { expect, test } from 'vitest';
import { noUsage, type TokenUsage, usageOfBody } from './token-usage.ts';

test.for<[dialect: string, body: object, usage: TokenUsage]>([
  [
    'chat completions',
    {
      usage: {
        prompt_tokens: 10,
        completion_tokens: 7,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    },
    { input: 10, cached: 4, output: 7, reasoning: 3 },
  ],
  [
    'responses',
    {
      usage: {
        input_tokens: 10,
        output_tokens: 7,
        input_tokens_details: { cached_tokens: 4 },
        output_tokens_details: { reasoning_tokens: 3 },
      },
    },
    { input: 10, cached: 4, output: 7, reasoning: 3 },
  ],
  ['embeddings', { usage: { prompt_tokens: 10, total_tokens: 10 } }, { ...noUsage, input: 10 }],
  [
    'messages',
    { usage: { input_tokens: 10, output_tokens: 7, cache_read_input_tokens: 4 } },
    { ...noUsage, input: 10, cached: 4, output: 7 },
  ],
  ['our own', { completion: 'x', prompt_tokens: 10, completion_tokens: 7 }, { ...noUsage, input: 10, output: 7 }],
  ['null', { usage: null }, noUsage],
  ['nonsense', { usage: { prompt_tokens: 'many', completion_tokens: -1 } }, noUsage],
])('of %s', ([, body, usage]) => {
  expect(usageOfBody(body)).toEqual(usage);
});
