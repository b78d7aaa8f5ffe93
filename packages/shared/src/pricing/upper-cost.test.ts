import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flatPrice, type ModelPrice } from './model-price.ts';
import { models } from './models.ts';
import { createPriceBook } from './price-book.ts';
import { parsePriceFile } from './price-file.ts';
import { type ResolvedModel, resolveModel } from './resolve-model.ts';
import { anyCounts, anyPrice, usageOf } from './test-usage.ts';
import { outputCeilingOf, upperCostNanoUsd } from './upper-cost.ts';

const now = Date.UTC(2026, 10, 23);
const book = createPriceBook({ overrides: {} });

function resolved(name: string): ResolvedModel {
  const model = resolveModel(name);
  if (!model) throw new Error(`no model ${name}`);
  return model;
}

/** The upper cost of a listed model. */
function upper(name: string, promptTokens: number, completionTokensMax: number, batch = false): bigint {
  const price = book.priceOf(resolved(name), now);
  if (!price) throw new Error(`${name} has no price`);
  return upperCostNanoUsd(price, { promptTokens, completionTokensMax, batch });
}

describe('the upper cost, by hand', () => {
  test.for([
    // 1000 x 2.50 + 100 x 10 = 3500 µUSD
    ['gpt-4o', 1000, 100, 3_500_000n],
    // All of the prompt written for an hour: 1000 x 6 + 100 x 15 = 7500 µUSD
    ['claude-sonnet-4-5', 1000, 100, 7_500_000n],
    // 200000 x 6 + 1 x 15 = 1200015 µUSD, and from there on 200001 x 12 + 1 x 22.50 = 2400034.5 µUSD
    ['claude-sonnet-4-5', 200_000, 1, 1_200_015_000n],
    ['claude-sonnet-4-5', 200_001, 1, 2_400_034_500n],
    ['text-embedding-3-small', 50, 0, 1000n],
    ['gpt-4o', 0, 0, 0n],
  ] as const)('%s with %i and %i tokens', ([name, promptTokens, completionTokensMax, nanoUsd]) => {
    expect(upper(name, promptTokens, completionTokensMax)).toBe(nanoUsd);
  });

  test('of a batch it is half, rounded up', () => {
    // 1 x 0.05 / 2 = 0.025 µUSD = 25 nano-USD; 1 x 0.005 / 2 would be 2.5
    expect(upper('gpt-5-nano', 1, 0, true)).toBe(25n);
    const cheap = { input: flatPrice(5000n), output: flatPrice(0n) };
    expect(upperCostNanoUsd(cheap, { promptTokens: 1, completionTokensMax: 0, batch: true })).toBe(3n);
    expect(upperCostNanoUsd({ ...cheap, input: flatPrice(1n) }, { promptTokens: 1, completionTokensMax: 0 })).toBe(1n);
  });

  test('a tier that is cheaper does not lower it', () => {
    const price: ModelPrice = { input: { base: 9000n, tiers: [{ above: 10, price: 1000n }] }, output: flatPrice(0n) };
    expect(upperCostNanoUsd(price, { promptTokens: 20, completionTokensMax: 0 })).toBe(180n);
  });

  test('half a token is refused', () => {
    expect(() => upper('gpt-4o', 1.5, 1)).toThrow(RangeError);
  });
});

/** Bounds that hold for a call: exactly its tokens, or some more. */
const anyRoom = fc.record({ prompt: fc.nat(300_000), completion: fc.nat(1000) });

describe('no call within the bounds costs more', () => {
  const withinBounds = (name: string, price: ModelPrice, of: typeof book) =>
    fc.property(anyCounts, anyRoom, fc.boolean(), (counts, room, batch) => {
      const usage = usageOf(counts);
      const cost = of.costOf(resolved(name), usage, now, { batch });
      const bound = upperCostNanoUsd(price, {
        promptTokens: usage.promptTokens + room.prompt,
        completionTokensMax: usage.completionTokens + room.completion,
        batch,
      });
      expect('nanoUsd' in cost && cost.nanoUsd).toBeLessThanOrEqual(bound);
    });

  test.for(models)('of $id', ({ id }) => {
    const price = book.priceOf(resolved(id), now);
    if (!price) throw new Error(`${id} has no price`);
    fc.assert(withinBounds(id, price, book));
  });

  test('at any price, tiers and batches included', () => {
    fc.assert(
      fc.property(anyPrice, (price) => {
        const file = { models: new Map([['openai/x', { price }]]), wildcards: new Map() };
        fc.assert(withinBounds('openai/x', price, createPriceBook({ overrides: {}, file })), { numRuns: 20 });
      }),
      { numRuns: 50 },
    );
  });
});

describe('the longest answer without max_tokens', () => {
  const prices = { input_per_1m_usd: 1, output_per_1m_usd: 1 };
  const file = parsePriceFile(
    {
      models: {
        'openai/new': { ...prices, max_output_tokens: 5000 },
        'gpt-4o': { ...prices, max_output_tokens: 20_000 },
        'gpt-4o-mini': { ...prices, max_output_tokens: 1000 },
        o3: prices,
        'anthropic/*': { ...prices, max_output_tokens: 8000 },
      },
    },
    'prices.json',
  );
  const withFile = createPriceBook({ overrides: {}, file });

  test.for([
    ['gpt-4.1', 32_768],
    ['gpt-4.1-2025-04-14', 32_768],
    ['gpt-6-luna', undefined],
    ['openai/new', undefined],
    ['text-embedding-3-large', 0],
    ['sandbox/echo', 1024],
    ['sandbox/fail-twice+slow-10', 1024],
    ['sandbox/tokens-5000', 5000],
    ['sandbox/slow-10+tokens-5000+drip-1', 5000],
    ['sandbox/tokens-7+tokens-9999999', 9_999_999],
    ['sandbox/empty', 0],
  ] as const)('of %s: %s', ([name, tokens]) => {
    expect(outputCeilingOf(resolved(name), book)).toBe(tokens);
  });

  test.for([
    ['openai/new', 5000],
    // Whichever is more.
    ['gpt-4o', 20_000],
    ['gpt-4o-2024-08-06', 20_000],
    ['gpt-4o-mini', 16_384],
    ['o3', 100_000],
    ['anthropic/claude-some-day', 8000],
    ['claude-haiku-4-5', 64_000],
    ['openai/other', undefined],
  ] as const)('with a file of prices, of %s: %s', ([name, tokens]) => {
    expect(outputCeilingOf(resolved(name), withFile)).toBe(tokens);
  });

  test('nobody knows how long JSON of a schema gets in the sandbox', () => {
    const responseFormat = { type: 'json_schema', name: 'x', schema: {} } as const;
    expect(outputCeilingOf(resolved('sandbox/echo'), book, { responseFormat })).toBeUndefined();
    expect(outputCeilingOf(resolved('sandbox/tokens-5'), book, { responseFormat })).toBe(5);
    expect(outputCeilingOf(resolved('gpt-4o'), book, { responseFormat })).toBe(16_384);
  });
});
