/** Pico-USD per token, an integer: USD per million tokens × 10^6. */
export interface TokenPrice {
  base: bigint;
  /** Ascending. The last one whose `above` is less than the call's prompt tokens is the price of all its tokens. */
  tiers: readonly { above: number; price: bigint }[];
}

/** Without a price of their own, cached and cache-write tokens cost what other input tokens cost. */
export interface ModelPrice {
  input: TokenPrice;
  output: TokenPrice;
  cachedInput?: TokenPrice;
  cacheWrite?: TokenPrice;
}

/** A price without tiers. */
export const flatPrice = (base: bigint): TokenPrice => ({ base, tiers: [] });

/** The price of one token in a call of `promptTokens`. */
export function tokenPriceAt(price: TokenPrice, promptTokens: number): bigint {
  return price.tiers.findLast(({ above }) => promptTokens > above)?.price ?? price.base;
}

/** USD for that many tokens as JSON numbers, before any tier, for price lists; per token by default. */
export function listPrice({ input, output, cachedInput }: ModelPrice, tokens: 1 | 1000 | 1_000_000 = 1) {
  const usd = ({ base }: TokenPrice) => Number(`${base * BigInt(tokens)}e-12`);
  return { input: usd(input), output: usd(output), ...(cachedInput && { cachedInput: usd(cachedInput) }) };
}
