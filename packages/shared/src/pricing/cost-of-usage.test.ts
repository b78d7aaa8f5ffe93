import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Usage } from '../contracts/answer.ts';
import { picoUsdOf } from './cost-of-usage.ts';
import { everyPrice, flatPrice, type ModelPrice, type PriceKind, priceKinds } from './model-price.ts';
import { anyCounts, anyFlatPrice, usageOf } from './test-usage.ts';

/** Each kind a hundred times the price of the one before, so that two digits of a sum tell how much was what. */
const decades: ModelPrice = {
  input: flatPrice(1n),
  cachedInput: flatPrice(100n),
  cacheWrite: flatPrice(10_000n),
  cacheWrite1h: flatPrice(1_000_000n),
  imageInput: flatPrice(100_000_000n),
  audioInput: flatPrice(10_000_000_000n),
  output: flatPrice(1_000_000_000_000n),
  reasoning: flatPrice(100_000_000_000_000n),
  audioOutput: flatPrice(10_000_000_000_000_000n),
};

const bare = { input: flatPrice(3n), output: flatPrice(5n) };

describe('every token is counted once, as what it is', () => {
  const parts = {
    cachedPromptTokens: 2,
    cacheWriteTokens: 7,
    cacheWrite1hTokens: 4,
    imageTokens: 5,
    audioPromptTokens: 6,
    reasoningTokens: 8,
    audioCompletionTokens: 9,
  };

  test('where each kind has a price', () => {
    const usage = { promptTokens: 21, completionTokens: 27, totalTokens: 48, ...parts };
    // Spoken, reasoned and told; heard, seen, written for an hour and for less, cached, and 1 that is just input.
    expect(picoUsdOf(decades, usage)).toBe(BigInt('09' + '08' + '10' + '06' + '05' + '04' + '03' + '02' + '01'));
  });

  test('where a kind has none, it costs what it is a part of', () => {
    const usage = { promptTokens: 21, completionTokens: 27, totalTokens: 48, ...parts };
    expect(picoUsdOf(bare, usage)).toBe(21n * 3n + 27n * 5n);
    // A write for an hour costs at least what any write costs.
    const written = { ...bare, cacheWrite: flatPrice(100n) };
    expect(picoUsdOf(written, usage)).toBe(14n * 3n + 7n * 100n + 27n * 5n);
  });

  test.for([
    // 10 tokens, 8 of them cached: of 5 image tokens 3 must have been cached
    [{ cachedPromptTokens: 8, imageTokens: 5 }, BigInt('02' + '00' + '00' + '08' + '00')],
    // 4 are fresh: 3 of audio, and 1 of the image
    [{ cachedPromptTokens: 6, imageTokens: 5, audioPromptTokens: 3 }, BigInt('03' + '01' + '00' + '00' + '06' + '00')],
    [{ cachedPromptTokens: 10, imageTokens: 10 }, 1000n],
  ] as const)('images and audio may be cached: %j', ([some, picoUsd]) => {
    expect(picoUsdOf(decades, { promptTokens: 10, completionTokens: 0, totalTokens: 10, ...some })).toBe(picoUsd);
  });
});

test.for([
  { cachedPromptTokens: 11 },
  { cachedPromptTokens: 6, cacheWriteTokens: 5 },
  { cacheWriteTokens: 4, cacheWrite1hTokens: 5 },
  { cacheWrite1hTokens: 1 },
  { imageTokens: 11 },
  { imageTokens: 6, audioPromptTokens: 5 },
  { reasoningTokens: 21 },
  { reasoningTokens: 11, audioCompletionTokens: 10 },
])('parts that exceed their whole have no sum: %j', (parts: Partial<Usage>) => {
  const usage = { promptTokens: 10, completionTokens: 20, totalTokens: 30, ...parts };
  expect(picoUsdOf(decades, usage)).toBeUndefined();
  expect(picoUsdOf(bare, usage)).toBeUndefined();
});

describe('for any prices without tiers', () => {
  const cost = (price: ModelPrice, counts: Partial<Record<PriceKind, number>>): bigint => {
    const picoUsd = picoUsdOf(price, usageOf(counts));
    if (picoUsd === undefined) throw new Error('inconsistent');
    return picoUsd;
  };
  const sum = (one: Partial<Record<PriceKind, number>>, other: Partial<Record<PriceKind, number>>) =>
    Object.fromEntries(priceKinds.map((kind) => [kind, (one[kind] ?? 0) + (other[kind] ?? 0)]));

  test('two calls cost what one call of all their tokens costs', () => {
    fc.assert(
      fc.property(anyFlatPrice, anyCounts, anyCounts, (price, one, other) => {
        expect(cost(price, sum(one, other))).toBe(cost(price, one) + cost(price, other));
      }),
    );
  });

  test('one token more of any kind costs its price more, never less', () => {
    fc.assert(
      fc.property(anyFlatPrice, anyCounts, fc.constantFrom(...priceKinds), (price, counts, kind) => {
        const added = cost(price, sum(counts, { [kind]: 1 })) - cost(price, counts);
        expect(added).toBe(everyPrice(price)[kind].base);
      }),
    );
  });

  test('a call costs the sum of its kinds, in whatever order', () => {
    const order = fc.shuffledSubarray([...priceKinds], { minLength: priceKinds.length });
    fc.assert(
      fc.property(anyFlatPrice, anyCounts, order, (price, counts, kinds) => {
        const oneByOne = kinds.reduce((total, kind) => total + cost(price, { [kind]: counts[kind] }), 0n);
        expect(oneByOne).toBe(cost(price, counts));
      }),
    );
  });
});
