import type { Generation } from '../contracts/generation.ts';
import { everyPrice, type ModelPrice, type PriceKind, payableMillionths, type TokenPrice } from './model-price.ts';
import type { PriceBook } from './price-book.ts';
import type { ResolvedModel } from './resolve-model.ts';
import { sandboxCeiling } from './sandbox-ceiling.ts';
import type { CallTerm } from './terms.ts';

export interface CallBound {
  promptTokens: number;
  completionTokensMax: number;
  batch?: boolean;
  /** That were asked for; whether they are kept is the provider's to say. */
  terms?: readonly CallTerm[];
}

const promptKinds = ['input', 'cachedInput', 'cacheWrite', 'cacheWrite1h', 'imageInput', 'audioInput'] as const;
const completionKinds = ['output', 'reasoning', 'audioOutput'] as const;

/**
 * Nano-USD that no call of at most so many tokens can pass: every token at the dearest price that it could have, of
 * all kinds and of all tiers within reach, rounded up. Throws a RangeError for a count that is no integer.
 */
export function upperCostNanoUsd(
  price: ModelPrice,
  { promptTokens, completionTokensMax, batch = false, terms = [] }: CallBound,
): bigint {
  const prices = everyPrice(price);
  const dearest = (kinds: readonly PriceKind[]) =>
    greatest(kinds.flatMap((kind) => pricesWithin(prices[kind], promptTokens)));
  const picoUsd = BigInt(promptTokens) * dearest(promptKinds) + BigInt(completionTokensMax) * dearest(completionKinds);
  return (
    (picoUsd * payableMillionths(price, { batch, terms: terms.filter((term) => term !== 'flex') }) + 999_999_999n) /
    1_000_000_000n
  );
}

// Math.max knows no bigints.
function greatest(amounts: readonly bigint[]): bigint {
  let most = 0n;
  for (const amount of amounts) if (amount > most) most = amount;
  return most;
}

const pricesWithin = ({ base, tiers }: TokenPrice, promptTokens: number): bigint[] => [
  base,
  ...tiers.filter(({ above }) => promptTokens > above).map(({ price }) => price),
];

/**
 * Tokens that no answer of a request without `max_tokens` can pass; undefined where nobody knows. What our table and
 * the file of prices say, whichever is more, because a bound that is too low would be none.
 */
export function outputCeilingOf(
  resolved: ResolvedModel,
  book: Pick<PriceBook, 'maxOutputTokensOf'>,
  { responseFormat }: Pick<Generation, 'responseFormat'> = {},
): number | undefined {
  const { provider, model, row } = resolved;
  if (row?.kind === 'embedding') return 0;
  if (provider === 'sandbox') return sandboxCeiling(model, responseFormat);
  const known = [row?.maxOutputTokens, book.maxOutputTokensOf(resolved)].filter((tokens) => tokens !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
