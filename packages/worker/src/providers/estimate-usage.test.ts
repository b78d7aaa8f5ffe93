import type { Generation } from '@llm-gateway/shared/contracts/generation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { estimateUsage, usageOrEstimate } from './estimate-usage.ts';

const generation: Generation = { system: '1234567', messages: [{ role: 'user', text: '12345678' }] };

test.for([
  ['', 0],
  ['a', 1],
  ['abcd', 1],
  ['abcde', 2],
])('"%s" is %i tokens', ([text, completionTokens]) => {
  const promptTokens = 4; // 7 + 1 + 8 characters
  expect(estimateUsage(generation, text as string)).toEqual({
    promptTokens,
    completionTokens,
    totalTokens: promptTokens + (completionTokens as number),
  });
});

const counts = { promptTokens: 3, completionTokens: 2, totalTokens: 5 };

test('what was reported is taken', () => {
  expect(usageOrEstimate(counts, generation, 'abcd')).toEqual({ usage: counts, usageSource: 'provider' });
});

test.for([
  null,
  { ...counts, promptTokens: -1 },
  { ...counts, totalTokens: 2.5 },
  { ...counts, promptTokens: Number.NaN },
  { ...counts, totalTokens: Number.MAX_SAFE_INTEGER },
])('%j is not taken for usage', (reported) => {
  expect(usageOrEstimate(reported, generation, 'abcd')).toMatchObject({
    usage: { promptTokens: 4, completionTokens: 1, totalTokens: 5 },
    usageSource: 'estimated',
  });
});

test('an estimate can always be counted', () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.string(), { minLength: 1 }), (text, prompts) => {
      const asked: Generation = { messages: prompts.map((prompt) => ({ role: 'user', text: prompt })) };
      const { promptTokens, completionTokens, totalTokens } = estimateUsage(asked, text);
      expect([promptTokens, completionTokens].every((count) => Number.isSafeInteger(count) && count >= 0)).toBe(true);
      expect(totalTokens).toBe(promptTokens + completionTokens);
    }),
  );
});
