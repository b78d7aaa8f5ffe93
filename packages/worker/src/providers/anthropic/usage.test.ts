import { expect, test } from 'vitest';
import { latestUsage, toUsage } from './usage.ts';

test.for([
  [{ input_tokens: 10, output_tokens: 5 }, [10, 5, 15, 0, 0]],
  [{ input_tokens: 10, output_tokens: 5, cache_read_input_tokens: null }, [10, 5, 15, 0, 0]],
  [
    { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 100, cache_creation_input_tokens: 7 },
    [117, 5, 122, 100, 7],
  ],
] as const)('%j: prompt tokens are the sum, the cached ones stand beside it', ([reported, expected]) => {
  const { promptTokens, completionTokens, totalTokens, cachedPromptTokens, cacheWriteTokens } = toUsage(reported);
  expect([promptTokens, completionTokens, totalTokens, cachedPromptTokens, cacheWriteTokens]).toEqual(expected);
});

test('thinking is a part of the completion', () => {
  const usage = toUsage({ input_tokens: 1, output_tokens: 50, output_tokens_details: { thinking_tokens: 40 } });
  expect(usage).toMatchObject({ completionTokens: 50, reasoningTokens: 40 });
});

test('later counts replace earlier ones and are never added to them', () => {
  const first = { input_tokens: 10, output_tokens: 1, cache_read_input_tokens: 100 };
  expect(latestUsage(first, { output_tokens: 9 })).toMatchObject({ ...first, output_tokens: 9 });
  expect(latestUsage(first, { input_tokens: 12, output_tokens: 9, cache_read_input_tokens: 0 })).toMatchObject({
    input_tokens: 12,
    output_tokens: 9,
    cache_read_input_tokens: 0,
  });
});
