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

test('what was written for an hour is a part of what was written', () => {
  const written = {
    cache_creation_input_tokens: 7,
    cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 4 },
  };
  const usage = toUsage({ input_tokens: 10, output_tokens: 5, ...written });
  expect(usage).toMatchObject({ promptTokens: 17, cacheWriteTokens: 7, cacheWrite1hTokens: 4 });
  const none = { ...written, cache_creation: { ephemeral_5m_input_tokens: 7, ephemeral_1h_input_tokens: 0 } };
  expect(toUsage({ input_tokens: 10, output_tokens: 5, ...none })).not.toHaveProperty('cacheWrite1hTokens');
  expect(toUsage({ input_tokens: 10, output_tokens: 5, ...written, cache_creation: null })).toMatchObject({
    cacheWriteTokens: 7,
  });
});

test('how long a cache entry stays is told at the start, and again at the end by some', () => {
  const forHour = { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 7 };
  const first = { input_tokens: 10, output_tokens: 1, cache_creation_input_tokens: 7, cache_creation: forHour };
  expect(latestUsage(first, { output_tokens: 9 }).cache_creation).toEqual(forHour);
  const forMinutes = { ephemeral_5m_input_tokens: 7, ephemeral_1h_input_tokens: 0 };
  expect(latestUsage(first, { output_tokens: 9, cache_creation: forMinutes }).cache_creation).toEqual(forMinutes);
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
