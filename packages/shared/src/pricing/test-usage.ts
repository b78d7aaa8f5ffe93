import fc from 'fast-check';
import type { Usage } from '../contracts/answer.ts';
import { flatPrice, type ModelPrice, type PriceKind, priceKinds, type TokenPrice } from './model-price.ts';

/** The usage of a call with so many tokens of each kind. */
export function usageOf(counts: Partial<Record<PriceKind, number>>): Usage {
  const of = (...kinds: PriceKind[]) => kinds.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0);
  const promptTokens = of('input', 'cachedInput', 'cacheWrite', 'cacheWrite1h', 'imageInput', 'audioInput');
  const completionTokens = of('output', 'reasoning', 'audioOutput');
  return {
    promptTokens,
    completionTokens,
    totalTokens: promptTokens + completionTokens,
    cachedPromptTokens: of('cachedInput'),
    cacheWriteTokens: of('cacheWrite', 'cacheWrite1h'),
    cacheWrite1hTokens: of('cacheWrite1h'),
    imageTokens: of('imageInput'),
    audioPromptTokens: of('audioInput'),
    reasoningTokens: of('reasoning'),
    audioCompletionTokens: of('audioOutput'),
  };
}

export const anyCounts = fc.record(
  Object.fromEntries(priceKinds.map((kind) => [kind, fc.oneof(fc.constant(0), fc.nat(500_000))])) as Record<
    PriceKind,
    fc.Arbitrary<number>
  >,
);

const picoUsd = fc.bigInt({ min: 0n, max: 200_000_000n });
const anyFlat = picoUsd.map(flatPrice);

/** With tiers in any direction: nothing says that long prompts have to be dearer. */
const anyTiered: fc.Arbitrary<TokenPrice> = fc.record({
  base: picoUsd,
  tiers: fc
    .uniqueArray(fc.record({ above: fc.nat(1_000_000), price: picoUsd }), {
      maxLength: 3,
      selector: (tier) => tier.above,
    })
    .map((tiers) => tiers.sort((a, b) => a.above - b.above)),
});

/** Prices of input and output, and of any of the other kinds. */
const anyPriceOf = (price: fc.Arbitrary<TokenPrice>): fc.Arbitrary<ModelPrice> =>
  fc
    .record({
      base: fc.record({ input: price, output: price }),
      others: fc.dictionary(fc.constantFrom(...priceKinds), price),
      batch: fc.option(fc.record({ batchMillionths: fc.bigInt({ min: 0n, max: 1_000_000n }) }), { nil: {} }),
    })
    .map(({ base, others, batch }) => ({ ...others, ...base, ...batch }));

export const anyFlatPrice = anyPriceOf(anyFlat);
export const anyPrice = anyPriceOf(fc.oneof(anyFlat, anyTiered));
