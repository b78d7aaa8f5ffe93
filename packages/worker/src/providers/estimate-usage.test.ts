import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { estimateUsage, usageOrEstimate } from './estimate-usage.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const generation: Generation = { system: 'Be brief.', messages: [{ role: 'user', text: 'hello world' }] };
const text = 'tiktoken is great!';
// 3 + 2 of the prompt's texts, 3 around each of them and 3 that open the answer.
const counted = { promptTokens: 14, completionTokens: 6, totalTokens: 20 };

test('a call whose usage is not known is counted', async () => {
  expect(await estimateUsage(generation, [text], counter)).toEqual(counted);
  expect(await usageOrEstimate(null, generation, [text], counter)).toEqual({
    usage: counted,
    usageSource: 'estimated',
  });
});

const reported = { promptTokens: 70, completionTokens: 30, totalTokens: 100, cachedPromptTokens: 40 };

test('what was reported is taken', async () => {
  expect(await usageOrEstimate(reported, generation, [text], counter)).toEqual({
    usage: reported,
    usageSource: 'provider',
  });
});

test.for([
  { promptTokens: 70, cachedPromptTokens: 40 },
  { ...reported, completionTokens: -1 },
  { ...reported, completionTokens: Number.MAX_SAFE_INTEGER },
  { ...reported, totalTokens: 2.5, reasoningTokens: 20 },
])('%j: what makes sense of the prompt is taken, and the completion counted', async (partly) => {
  expect(await usageOrEstimate(partly, generation, [text], counter)).toEqual({
    usage: { promptTokens: 70, completionTokens: 6, totalTokens: 76, cachedPromptTokens: 40 },
    usageSource: 'estimated',
  });
});

test.for([
  {},
  { ...reported, promptTokens: -1 },
  { ...reported, promptTokens: Number.NaN },
  { ...reported, promptTokens: Number.MAX_SAFE_INTEGER },
  { ...reported, cachedPromptTokens: 0.5 },
])('%j is not taken for usage', async (nonsense) => {
  expect(await usageOrEstimate(nonsense, generation, [text], counter)).toEqual({
    usage: counted,
    usageSource: 'estimated',
  });
});

test('an answer that cannot be counted is not lost: it counts no less than its tokens', async () => {
  const broken = createTokenCounter();
  await broken.close();
  await expect(broken.count([text])).rejects.toBeDefined();
  expect(await estimateUsage(generation, [text], broken)).toEqual({
    promptTokens: 'Be brief.hello world'.length + 9,
    completionTokens: text.length,
    totalTokens: 'Be brief.hello world'.length + 9 + text.length,
  });
});

test('an estimate can always be counted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), fc.array(fc.string(), { minLength: 1 }), async (answered, prompts) => {
      const asked: Generation = { messages: prompts.map((prompt) => ({ role: 'user', text: prompt })) };
      const { promptTokens, completionTokens, totalTokens } = await estimateUsage(asked, [answered], counter);
      expect([promptTokens, completionTokens].every((count) => Number.isSafeInteger(count) && count >= 0)).toBe(true);
      expect(totalTokens).toBe(promptTokens + completionTokens);
    }),
  );
});
