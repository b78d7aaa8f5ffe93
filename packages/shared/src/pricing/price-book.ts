import { createHash } from 'node:crypto';
import type { Usage } from '../contracts/answer.ts';
import { cataloguePrice, catalogueVersion } from './catalogue-price.ts';
import { flatPrice, type ModelPrice, tokenPriceAt } from './model-price.ts';
import type { ResolvedModel } from './resolve-model.ts';
import { scaledInteger } from './scaled-integer.ts';

/** USD per token as decimal strings of at most 12 decimals: `COST_PER_TOKEN_GPT4`, `…_GPT35`, `…_CLAUDE`. */
export interface PriceOverrides {
  gpt4?: string | undefined;
  gpt35?: string | undefined;
  claude?: string | undefined;
}

/** `no_price`: nobody told us one. `inconsistent_usage`: the provider reports more cached tokens than prompt tokens. */
export type Cost = { nanoUsd: bigint } | { unknown: true; reason: 'no_price' | 'inconsistent_usage' };

export interface PriceBook {
  /** Catalogue version and, with overrides, their hash: stored with every cost. */
  version: string;
  /** The model's price at that time; undefined if unknown, which is not 0. */
  priceOf(resolved: ResolvedModel, atMs: number): ModelPrice | undefined;
  /** Σ tokens × price, exact, rounded half up once to nano-USD. */
  costOf(resolved: ResolvedModel, usage: Usage, atMs: number): Cost;
}

/** Made up: a sandbox costs nothing, but its generations should show a cost like any other. */
const sandboxPrice: ModelPrice = {
  input: flatPrice(scaledInteger('1', 6)),
  output: flatPrice(scaledInteger('2', 6)),
  cachedInput: flatPrice(scaledInteger('0.1', 6)),
};

/** An override is one price for input, cached input and output alike, for a whole family, listed or not. */
const families: Record<keyof PriceOverrides, (resolved: ResolvedModel) => boolean> = {
  gpt4: ({ provider, model }) => provider === 'openai' && model.startsWith('gpt-4'),
  gpt35: ({ provider, model }) => provider === 'openai' && model.startsWith('gpt-3.5'),
  claude: ({ provider }) => provider === 'anthropic',
};

const familyNames = ['gpt4', 'gpt35', 'claude'] as const;

/**
 * Prices in this order: an override of the model's family, the sandbox's made-up one, the catalogue's for models of
 * our table. Throws a RangeError for an override that is no such decimal.
 */
export function createPriceBook({ overrides }: { overrides: PriceOverrides }): PriceBook {
  const perFamily = familyNames.flatMap((family) => {
    const usdPerToken = overrides[family];
    return usdPerToken === undefined ? [] : [{ family, picoUsd: scaledInteger(usdPerToken, 12) }];
  });

  const priceOf: PriceBook['priceOf'] = (resolved, atMs) => {
    const override = perFamily.find(({ family }) => families[family](resolved));
    if (override) return { input: flatPrice(override.picoUsd), output: flatPrice(override.picoUsd) };
    if (resolved.provider === 'sandbox') return sandboxPrice;
    return resolved.row && cataloguePrice(resolved.row, resolved.model, atMs);
  };

  return {
    version: versionOf(perFamily),
    priceOf,
    costOf(resolved, usage, atMs) {
      const price = priceOf(resolved, atMs);
      return price ? costAt(price, usage) : { unknown: true, reason: 'no_price' };
    },
  };
}

function costAt(price: ModelPrice, usage: Usage): Cost {
  const { promptTokens, completionTokens, cachedPromptTokens = 0, cacheWriteTokens = 0 } = usage;
  const plainTokens = promptTokens - cachedPromptTokens - cacheWriteTokens;
  if (plainTokens < 0) return { unknown: true, reason: 'inconsistent_usage' };
  const { input, output, cachedInput = input, cacheWrite = input } = price;
  const parts = [
    [plainTokens, input],
    [cachedPromptTokens, cachedInput],
    [cacheWriteTokens, cacheWrite],
    [completionTokens, output],
  ] as const;
  const picoUsd = parts.reduce((sum, [tokens, part]) => sum + BigInt(tokens) * tokenPriceAt(part, promptTokens), 0n);
  return { nanoUsd: (picoUsd + 500n) / 1000n };
}

/** Two spellings of one override are one version. */
function versionOf(perFamily: readonly { family: string; picoUsd: bigint }[]): string {
  const catalogue = `genai-prices-${catalogueVersion}`;
  if (perFamily.length === 0) return catalogue;
  const text = perFamily.map(({ family, picoUsd }) => `${family}=${picoUsd}`).join(',');
  return `${catalogue}+${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}
