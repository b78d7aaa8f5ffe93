import { createHash } from 'node:crypto';
import type { Usage } from '../contracts/answer.ts';
import { builtInProviders, type ProviderName } from '../contracts/provider-name.ts';
import { cataloguePrice, catalogueVersion } from './catalogue-price.ts';
import { picoUsdOf } from './cost-of-usage.ts';
import { type CallTerms, everyPrice, flatPrice, type ModelPrice, payableMillionths } from './model-price.ts';
import type { PriceFile } from './price-file.ts';
import type { ResolvedModel } from './resolve-model.ts';
import { scaledInteger } from './scaled-integer.ts';

/** USD per token as decimal strings of at most 12 decimals: `COST_PER_TOKEN_GPT4`, `…_GPT35`, `…_CLAUDE`. */
export interface PriceOverrides {
  gpt4?: string | undefined;
  gpt35?: string | undefined;
  claude?: string | undefined;
}

/** `no_price`: nobody told us one. `inconsistent_usage`: the provider reports more of a part than of the whole. */
export type Cost = { nanoUsd: bigint } | { unknown: true; reason: 'no_price' | 'inconsistent_usage' };

export interface PriceBook {
  /** Catalogue version and, with prices of one's own, their hash: stored with every cost. */
  version: string;
  /** The model's price at that time; undefined if unknown, which is not 0. */
  priceOf(resolved: ResolvedModel, atMs: number): ModelPrice | undefined;
  /** Σ tokens × price, by the terms of the call, exact, rounded half up once to nano-USD. */
  costOf(resolved: ResolvedModel, usage: Usage, atMs: number, call?: CallTerms): Cost;
  /** What the file of prices says of the longest answer. */
  maxOutputTokensOf(resolved: ResolvedModel): number | undefined;
}

/** Made up: a sandbox costs nothing, but its generations should show a cost like any other. */
const sandboxPrice: ModelPrice = {
  input: flatPrice(scaledInteger('1', 6)),
  output: flatPrice(scaledInteger('2', 6)),
  cachedInput: flatPrice(scaledInteger('0.1', 6)),
};

/** An override is one price for tokens of every kind, for a whole family, listed or not. */
const families: Record<keyof PriceOverrides, (resolved: ResolvedModel) => boolean> = {
  gpt4: ({ provider, model }) => provider === 'openai' && model.startsWith('gpt-4'),
  gpt35: ({ provider, model }) => provider === 'openai' && model.startsWith('gpt-3.5'),
  claude: ({ provider }) => provider === 'anthropic',
};

const familyNames = ['gpt4', 'gpt35', 'claude'] as const;

export interface PriceBookOptions {
  overrides: PriceOverrides;
  file?: PriceFile | undefined;
}

/**
 * Prices in this order, the nearer word first: the file's for the model (a dated snapshot without an entry has its
 * model's), the override of its family, the file's for all of its provider, the sandbox's made-up one, the
 * catalogue's for models of our table. Throws a RangeError for an override that is no such decimal.
 */
export function createPriceBook({ overrides, file = noFile }: PriceBookOptions): PriceBook {
  const perFamily = familyNames.flatMap((family) => {
    const usdPerToken = overrides[family];
    return usdPerToken === undefined ? [] : [{ family, price: alikePrice(scaledInteger(usdPerToken, 12)) }];
  });
  const entryOf = ({ id, row }: ResolvedModel) => file.models.get(id) ?? (row && file.models.get(row.id));

  const priceOf: PriceBook['priceOf'] = (resolved, atMs) => {
    const own =
      entryOf(resolved) ??
      perFamily.find(({ family }) => families[family](resolved)) ??
      file.wildcards.get(resolved.provider);
    if (own) return own.price;
    if (resolved.provider === 'sandbox') return sandboxPrice;
    return resolved.row && cataloguePrice(resolved.row, resolved.model, atMs);
  };

  return {
    version: versionOf([
      ...perFamily.map(({ family, price }) => [family, price] as const),
      ...[...file.models].map(([id, { price }]) => [id, price] as const),
      ...[...file.wildcards].map(([provider, { price }]) => [`${provider}/*`, price] as const),
    ]),
    priceOf,
    costOf(resolved, usage, atMs, { batch = false, terms = [] } = {}) {
      const price = priceOf(resolved, atMs);
      if (!price) return { unknown: true, reason: 'no_price' };
      // What other vendors call by these names has no price of its own that we know.
      const call = { batch, terms: isBuiltIn(resolved.provider) ? terms : [] };
      const picoUsd = picoUsdOf(price, usage);
      if (picoUsd === undefined) return { unknown: true, reason: 'inconsistent_usage' };
      return { nanoUsd: (picoUsd * payableMillionths(price, call) + 500_000_000n) / 1_000_000_000n };
    },
    maxOutputTokensOf: (resolved) =>
      entryOf(resolved)?.maxOutputTokens ?? file.wildcards.get(resolved.provider)?.maxOutputTokens,
  };
}

const isBuiltIn = (provider: ProviderName) => (builtInProviders as readonly ProviderName[]).includes(provider);

const priorityOf = ({ priorityMillionths }: ModelPrice) =>
  priorityMillionths === undefined ? [] : [`priority=${priorityMillionths}`];

const noFile: PriceFile = { models: new Map(), wildcards: new Map() };

const alikePrice = (picoUsd: bigint): ModelPrice => ({ input: flatPrice(picoUsd), output: flatPrice(picoUsd) });

/** Two spellings of the same prices, in whatever order, are one version. */
function versionOf(own: readonly (readonly [subject: string, price: ModelPrice])[]): string {
  const catalogue = `genai-prices-${catalogueVersion}`;
  if (own.length === 0) return catalogue;
  const lines = own.map(([subject, price]) => {
    const prices = Object.entries(everyPrice(price)).map(([kind, { base }]) => `${kind}=${base}`);
    return [subject, ...prices, `batch=${payableMillionths(price, { batch: true })}`, ...priorityOf(price)].join(' ');
  });
  const digest = createHash('sha256').update(lines.sort().join('\n')).digest('hex');
  return `${catalogue}+${digest.slice(0, 8)}`;
}
