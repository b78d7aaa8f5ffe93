import { readFileSync } from 'node:fs';
import { calcPrice } from '@pydantic/genai-prices';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Usage } from '../contracts/answer.ts';
import { catalogueVersion } from './catalogue-price.ts';
import { listPrice } from './model-price.ts';
import { models } from './models.ts';
import { createPriceBook, type PriceOverrides } from './price-book.ts';
import { type ResolvedModel, resolveModel } from './resolve-model.ts';

const now = Date.UTC(2026, 10, 23);
const book = createPriceBook({ overrides: {} });

function resolved(name: string): ResolvedModel {
  const model = resolveModel(name);
  if (!model) throw new Error(`no model ${name}`);
  return model;
}

const tokens = (promptTokens: number, completionTokens: number, cached = 0, written = 0): Usage => ({
  promptTokens,
  completionTokens,
  totalTokens: promptTokens + completionTokens,
  cachedPromptTokens: cached,
  cacheWriteTokens: written,
});

const costOf = (name: string, usage: Usage, atMs = now, overrides: PriceOverrides = {}) =>
  createPriceBook({ overrides }).costOf(resolved(name), usage, atMs);

describe('cost in nano-USD, by hand (USD per million tokens = milli-USD per thousand)', () => {
  test.for([
    // 1000 × 30 + 500 × 60 = 60,000 µUSD
    ['gpt-4', tokens(1000, 500), 60_000_000n],
    // 10 × 0.5 + 20 × 1.5 = 35 µUSD
    ['gpt-3.5-turbo', tokens(10, 20), 35_000n],
    // (1000 − 600) × 2.5 + 600 × 1.25 + 100 × 10 = 1000 + 750 + 1000 = 2750 µUSD
    ['gpt-4o', tokens(1000, 100, 600), 2_750_000n],
    // The first gpt-4o: 1000 × 5 + 100 × 15 = 6500 µUSD
    ['gpt-4o-2024-05-13', tokens(1000, 100), 6_500_000n],
    // 7 × 0.15 + 3 × 0.6 = 1.05 + 1.8 = 2.85 µUSD
    ['gpt-4o-mini', tokens(7, 3), 2850n],
    // (2000 − 1024) × 1.25 + 1024 × 0.125 + 300 × 10 = 1220 + 128 + 3000 = 4348 µUSD
    ['gpt-5', tokens(2000, 300, 1024), 4_348_000n],
    // o3 fell in price on 2025-06-10: 1000 × 2 + 1000 × 8 = 10,000 µUSD
    ['o3', tokens(1000, 1000), 10_000_000n],
    // 1234 × 0.02 = 24.68 µUSD
    ['text-embedding-3-small', tokens(1234, 0), 24_680n],
    // (4740 − 1000 − 3000) × 3 + 1000 × 0.3 + 3000 × 3.75 + 255 × 15 = 2220 + 300 + 11,250 + 3825 = 17,595 µUSD
    ['claude-sonnet-4', tokens(4740, 255, 1000, 3000), 17_595_000n],
    // 3 × 0.25 + 1 × 1.25 = 2 µUSD
    ['claude-3-haiku-20240307', tokens(3, 1), 2000n],
    // (900 − 800) × 1 + 800 × 1.25 + 50 × 5 = 100 + 1000 + 250 = 1350 µUSD
    ['claude-haiku-4-5', tokens(900, 50, 0, 800), 1_350_000n],
    // 100 × 5 + 10 × 25 = 750 µUSD
    ['claude-opus-4-5-20251101', tokens(100, 10), 750_000n],
    // No cached price in the catalogue: cached tokens cost as much as others. 1000 × 10 + 0 = 10,000 µUSD
    ['gpt-4-turbo', tokens(1000, 0, 500), 10_000_000n],
    // The sandbox's made-up prices: (100 − 50) × 1 + 50 × 0.1 + 10 × 2 = 50 + 5 + 20 = 75 µUSD
    ['sandbox/fail-twice', tokens(100, 10, 50), 75_000n],
  ] as const)('%s', ([name, usage, nanoUsd]) => {
    expect(costOf(name, usage)).toEqual({ nanoUsd });
  });

  test.for([
    // At 200,000 tokens still the base: 200,000 × 3 + 10 × 15 = 600,150 µUSD
    ['claude-sonnet-4-5', tokens(200_000, 10), 600_150_000n],
    // One more, and all tokens cost the higher price: 200,001 × 6 + 10 × 22.5 = 1,200,006 + 225 = 1,200,231 µUSD
    ['claude-sonnet-4-5', tokens(200_001, 10), 1_200_231_000n],
    // Cached tokens count towards the tier and have one: 1001 × 6 + 199,000 × 0.6 = 6006 + 119,400 = 125,406 µUSD
    ['claude-sonnet-4-5', tokens(200_001, 0, 199_000), 125_406_000n],
    // 271,999 × 2.5 = 679,997.5 µUSD
    ['gpt-5.4', tokens(271_999, 0), 679_997_500n],
    // 272,000 × 5 + 2 × 22.5 = 1,360,045 µUSD
    ['gpt-5.4', tokens(272_000, 2), 1_360_045_000n],
  ] as const)('long prompts of %s', ([name, usage, nanoUsd]) => {
    expect(costOf(name, usage)).toEqual({ nanoUsd });
  });

  test('the price is that of the call’s day', () => {
    const call = tokens(1000, 1000);
    // 1000 × 10 + 1000 × 40 = 50,000 µUSD before 2025-06-10
    expect(costOf('o3', call, Date.UTC(2025, 5, 10) - 1)).toEqual({ nanoUsd: 50_000_000n });
    expect(costOf('o3', call, Date.UTC(2025, 5, 10))).toEqual({ nanoUsd: 10_000_000n });
  });

  test('the sum is rounded once, half up', () => {
    // 0.0005 µUSD a token: one is half a nano-USD, three are one and a half.
    const cheap = { gpt4: '0.0000000005' };
    expect(costOf('gpt-4', tokens(1, 0), now, cheap)).toEqual({ nanoUsd: 1n });
    expect(costOf('gpt-4', tokens(1, 1), now, cheap)).toEqual({ nanoUsd: 1n });
    expect(costOf('gpt-4', tokens(2, 1), now, cheap)).toEqual({ nanoUsd: 2n });
    expect(costOf('gpt-4', tokens(1, 0), now, { gpt4: '0.000000000499' })).toEqual({ nanoUsd: 0n });
  });

  test('it is the catalogue’s own sum, for every model and any usage', () => {
    const rows = models.filter(({ provider }) => provider !== 'sandbox');
    const count = fc.nat(400_000);
    fc.assert(
      fc.property(fc.constantFrom(...rows), count, count, count, count, count, (row, plain, cached, ...rest) => {
        const [written, hour, completion] = rest;
        const forHour = row.provider === 'anthropic' ? Math.min(hour, written) : 0;
        const prompt = plain + cached + written;
        const usage = {
          ...tokens(prompt, row.kind === 'chat' ? completion : 0, cached, written),
          cacheWrite1hTokens: forHour,
        };
        const theirs = calcPrice(
          {
            input_tokens: usage.promptTokens,
            cache_read_tokens: cached,
            cache_write_tokens: written,
            ...(forHour > 0 && { cache_write_1h_tokens: forHour }),
            output_tokens: usage.completionTokens,
          },
          row.model,
          { providerId: row.provider, timestamp: new Date(now) },
        );
        const ours = costOf(row.id, usage);
        expect(Number('nanoUsd' in ours && ours.nanoUsd)).toBeCloseTo((theirs?.total_price ?? Number.NaN) * 1e9, -1);
      }),
    );
  });
});

describe('an unknown price is said to be unknown', () => {
  // The catalogue alone would price the last two by their prefix.
  test.for([
    'openai/gpt-4o-superduper',
    'anthropic/claude-sonnet-9',
    'anthropic/claude-sonnet-5-5',
    'anthropic/claude-opus-4-5-foo',
  ])('%s', (name) => {
    expect(book.priceOf(resolved(name), now)).toBeUndefined();
    expect(costOf(name, tokens(10, 10))).toEqual({ unknown: true, reason: 'no_price' });
  });

  test('more cached tokens than prompt tokens have no cost that we could vouch for', () => {
    expect(costOf('gpt-4o', tokens(10, 0, 8, 3))).toEqual({ unknown: true, reason: 'inconsistent_usage' });
    const reasoned = { ...tokens(10, 5), reasoningTokens: 6 };
    expect(costOf('o3', reasoned)).toEqual({ unknown: true, reason: 'inconsistent_usage' });
  });
});

describe('overrides', () => {
  const overrides = { gpt4: '0.00003', gpt35: '0.000002', claude: '0.000015' };

  test.for([
    // 150 tokens × 30 µUSD = 4500 µUSD: the 0.0045 of the seed's example
    ['gpt-4', 4_500_000n],
    ['gpt-4o-mini', 4_500_000n],
    ['openai/gpt-4o-superduper', 4_500_000n],
    // 150 × 2 µUSD
    ['gpt-3.5-turbo-0125', 300_000n],
    // 150 × 15 µUSD
    ['claude-haiku-4-5', 2_250_000n],
    ['anthropic/claude-sonnet-9', 2_250_000n],
  ] as const)('replace the price of %s, cached tokens and output included', ([name, nanoUsd]) => {
    const usage = { ...tokens(100, 50, 40, 10), cacheWrite1hTokens: 5, imageTokens: 20, reasoningTokens: 30 };
    expect(costOf(name, usage, now, overrides)).toEqual({ nanoUsd });
  });

  test.for(['gpt-5', 'o3', 'chatgpt-4o-latest', 'text-embedding-3-small', 'sandbox/gpt-4'])(
    'leave %s alone',
    (name) => {
      const usage = tokens(100, 0, 40);
      expect(costOf(name, usage, now, overrides)).toEqual(costOf(name, usage));
    },
  );

  test('a price of 0 is a price', () => {
    expect(costOf('claude-opus-4-1', tokens(10, 10), now, { claude: '0' })).toEqual({ nanoUsd: 0n });
  });

  test.for(['-1', 'free', '0.0000000000001'])('%s is refused', (claude) => {
    expect(() => createPriceBook({ overrides: { claude } })).toThrow(RangeError);
  });
});

describe('the version', () => {
  const version = (overrides: PriceOverrides) => createPriceBook({ overrides }).version;
  const packageJson = (url: URL): unknown => JSON.parse(readFileSync(url, 'utf8'));

  test('names the catalogue that is installed', () => {
    expect(version({})).toBe(`genai-prices-${catalogueVersion}`);
    expect(packageJson(new URL('../package.json', import.meta.resolve('@pydantic/genai-prices')))).toMatchObject({
      version: catalogueVersion,
    });
  });

  test('changes with the overrides, but not with their spelling', () => {
    expect(version({ gpt4: '0.00003' })).toMatch(/^genai-prices-[\d.]+\+[\da-f]{8}$/);
    expect(version({ gpt4: '0.00003' })).toBe(version({ gpt4: '0.000030', claude: undefined }));
    expect(version({ gpt4: '0.00003' })).not.toBe(version({ claude: '0.00003' }));
    expect(version({ gpt4: '0.00003' })).not.toBe(version({ gpt4: '0.00004' }));
  });
});

describe('a price list', () => {
  const listed = (name: string, per: 1 | 1000 | 1_000_000 = 1) => {
    const price = book.priceOf(resolved(name), now);
    return price && listPrice(price, per);
  };

  test('is in USD per token, thousand or million, without the noise of doubles', () => {
    expect(listed('gpt-4o')).toEqual({ input: 0.0000025, output: 0.00001, cachedInput: 0.00000125 });
    expect(listed('gpt-4o', 1000)).toEqual({ input: 0.0025, output: 0.01, cachedInput: 0.00125 });
    expect(listed('gpt-4o-mini', 1_000_000)).toEqual({ input: 0.15, output: 0.6, cachedInput: 0.075 });
    expect(listed('gpt-4')).toEqual({ input: 0.00003, output: 0.00006 });
  });

  test('shows every kind that has a price, and a tiered one before its tiers', () => {
    expect(listed('claude-sonnet-4-5', 1_000_000)).toEqual({
      input: 3,
      output: 15,
      cachedInput: 0.3,
      cacheWrite: 3.75,
      cacheWrite1h: 6,
    });
  });
});
