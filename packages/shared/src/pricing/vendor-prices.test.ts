import { expect, test } from 'vitest';
import type { Usage } from '../contracts/answer.ts';
import { createPriceBook } from './price-book.ts';
import { resolveModel } from './resolve-model.ts';

// Prices of the vendors' lists in USD per million tokens, which is µUSD per token; the sums are worked out by hand.
const now = Date.UTC(2026, 10, 23);
const book = createPriceBook({ overrides: {} });

const usage = (promptTokens: number, completionTokens: number, parts: Partial<Usage> = {}): Usage => ({
  promptTokens,
  completionTokens,
  totalTokens: promptTokens + completionTokens,
  ...parts,
});

function nanoUsd(name: string, used: Usage, batch = false): bigint {
  const model = resolveModel(name);
  if (!model) throw new Error(`no model ${name}`);
  const cost = book.costOf(model, used, now, { batch });
  if (!('nanoUsd' in cost)) throw new Error(`${name}: ${cost.reason}`);
  return cost.nanoUsd;
}

test.for([
  [
    'gpt-4o at 2.50, cached 1.25, out 10.00',
    usage(10_000, 777, { cachedPromptTokens: 8_192 }),
    '1808 x 2.50 + 8192 x 1.25 + 777 x 10.00 = 4520 + 10240 + 7770 = 22530 µUSD',
    22_530_000n,
  ],
  [
    'gpt-4o-mini at 0.15, cached 0.075, out 0.60',
    usage(1_537, 41, { cachedPromptTokens: 1_281 }),
    '256 x 0.15 + 1281 x 0.075 + 41 x 0.60 = 38.4 + 96.075 + 24.6 = 159.075 µUSD',
    159_075n,
  ],
  [
    'gpt-4.1 at 2.00, cached 0.50, out 8.00',
    usage(3_001, 99, { cachedPromptTokens: 1_024 }),
    '1977 x 2.00 + 1024 x 0.50 + 99 x 8.00 = 3954 + 512 + 792 = 5258 µUSD',
    5_258_000n,
  ],
  [
    'gpt-4.1-nano at 0.10, cached 0.025, out 0.40',
    usage(2_049, 7, { cachedPromptTokens: 1_025 }),
    '1024 x 0.10 + 1025 x 0.025 + 7 x 0.40 = 102.4 + 25.625 + 2.8 = 130.825 µUSD',
    130_825n,
  ],
  [
    'gpt-5 at 1.25, cached 0.125, out 10.00, reasoning being output',
    usage(2_001, 1_503, { cachedPromptTokens: 1_664, reasoningTokens: 1_408 }),
    '337 x 1.25 + 1664 x 0.125 + 1503 x 10.00 = 421.25 + 208 + 15030 = 15659.25 µUSD',
    15_659_250n,
  ],
  [
    'o3 at 2.00, cached 0.50, out 8.00, reasoning being output',
    usage(75, 1_186, { reasoningTokens: 1_024 }),
    '75 x 2.00 + 1186 x 8.00 = 150 + 9488 = 9638 µUSD',
    9_638_000n,
  ],
  [
    'gpt-4-turbo at 10.00, out 30.00',
    usage(1_234, 567),
    '1234 x 10 + 567 x 30 = 12340 + 17010 = 29350 µUSD',
    29_350_000n,
  ],
  [
    'claude-sonnet-4-5 at 3.00, read 0.30, write 3.75, one hour 6.00, out 15.00',
    usage(21_000, 500, { cachedPromptTokens: 12_000, cacheWriteTokens: 8_000, cacheWrite1hTokens: 3_000 }),
    '1000 x 3 + 12000 x 0.30 + 5000 x 3.75 + 3000 x 6 + 500 x 15 = 3000 + 3600 + 18750 + 18000 + 7500 = 50850 µUSD',
    50_850_000n,
  ],
  [
    'claude-sonnet-4-5 above 200000 at 6.00, read 0.60, write 7.50, one hour 12.00, out 22.50',
    usage(250_001, 1_000, { cachedPromptTokens: 200_000, cacheWriteTokens: 30_000, cacheWrite1hTokens: 10_000 }),
    '20001 x 6 + 200000 x 0.60 + 20000 x 7.50 + 10000 x 12 + 1000 x 22.50 = 120006 + 120000 + 150000 + 120000 + 22500 = 532506 µUSD',
    532_506_000n,
  ],
  [
    'claude-haiku-4-5 at 1.00, read 0.10, write 1.25, one hour 2.00, out 5.00',
    usage(5_003, 202, { cachedPromptTokens: 4_001, cacheWriteTokens: 999, cacheWrite1hTokens: 999 }),
    '3 x 1 + 4001 x 0.10 + 999 x 2 + 202 x 5 = 3 + 400.1 + 1998 + 1010 = 3411.1 µUSD',
    3_411_100n,
  ],
  [
    'claude-opus-4-1 at 15.00, read 1.50, write 18.75, out 75.00, thinking being output',
    usage(1_111, 333, { cachedPromptTokens: 111, cacheWriteTokens: 800, reasoningTokens: 300 }),
    '200 x 15 + 111 x 1.50 + 800 x 18.75 + 333 x 75 = 3000 + 166.5 + 15000 + 24975 = 43141.5 µUSD',
    43_141_500n,
  ],
  [
    'claude-opus-4-5 at 5.00, one hour 10.00, out 25.00',
    usage(10_007, 1, { cacheWriteTokens: 10_000, cacheWrite1hTokens: 10_000 }),
    '7 x 5 + 10000 x 10 + 1 x 25 = 35 + 100000 + 25 = 100060 µUSD',
    100_060_000n,
  ],
  [
    'gpt-5.6-terra at 2.00, cached 0.20, write 2.50, out 12.00',
    usage(4_000, 10, { cachedPromptTokens: 1_000, cacheWriteTokens: 2_000 }),
    '1000 x 2 + 1000 x 0.20 + 2000 x 2.50 + 10 x 12 = 2000 + 200 + 5000 + 120 = 7320 µUSD',
    7_320_000n,
  ],
] as const)('%s', ([model, used, _sum, expected]) => {
  expect(nanoUsd(model.split(' ', 1)[0] ?? '', used)).toBe(expected);
});

test.for([
  [
    'gpt-4.1 at half of 2.00, 0.50 and 8.00',
    usage(3_001, 99, { cachedPromptTokens: 1_024 }),
    '1977 x 1.00 + 1024 x 0.25 + 99 x 4.00 = 1977 + 256 + 396 = 2629 µUSD',
    2_629_000n,
  ],
  [
    'claude-sonnet-4-5 at half of 3.00, 0.30, 3.75, 6.00 and 15.00',
    usage(21_000, 500, { cachedPromptTokens: 12_000, cacheWriteTokens: 8_000, cacheWrite1hTokens: 3_000 }),
    '1000 x 1.50 + 12000 x 0.15 + 5000 x 1.875 + 3000 x 3 + 500 x 7.50 = 1500 + 1800 + 9375 + 9000 + 3750 = 25425 µUSD',
    25_425_000n,
  ],
] as const)('in a batch: %s', ([model, used, _sum, expected]) => {
  expect(nanoUsd(model.split(' ', 1)[0] ?? '', used, true)).toBe(expected);
});

test.for([
  // 1 x 0.0025 = 0.0025 µUSD: two and a half nano-USD
  [1, 3n],
  // 2 x 0.0025 = 0.005 µUSD
  [2, 5n],
  // 3 x 0.0025 = 0.0075 µUSD: rounded once, not 3 + 3 + 3
  [3, 8n],
  [0, 0n],
] as const)(
  'half a nano-dollar is rounded up, once a call: %i cached tokens of gpt-5-nano in a batch',
  ([cached, expected]) => {
    // gpt-5-nano's cached input is 0.005, half of it in a batch.
    expect(nanoUsd('gpt-5-nano', usage(cached, 0, { cachedPromptTokens: cached }), true)).toBe(expected);
  },
);
