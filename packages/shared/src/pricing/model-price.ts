import type { CallTerm } from './terms.ts';

/** Pico-USD per token, an integer: USD per million tokens × 10^6. */
export interface TokenPrice {
  base: bigint;
  /** Ascending. The last one whose `above` is less than the call's prompt tokens is the price of all its tokens. */
  tiers: readonly { above: number; price: bigint }[];
}

/** The kinds of tokens that can have a price of their own, and the member that states it in USD per million. */
export const priceMembers = {
  input: 'input_per_1m_usd',
  output: 'output_per_1m_usd',
  cachedInput: 'cached_input_per_1m_usd',
  cacheWrite: 'cache_write_per_1m_usd',
  cacheWrite1h: 'cache_write_1h_per_1m_usd',
  imageInput: 'image_input_per_1m_usd',
  audioInput: 'audio_input_per_1m_usd',
  reasoning: 'reasoning_per_1m_usd',
  audioOutput: 'audio_output_per_1m_usd',
} as const;

export type PriceKind = keyof typeof priceMembers;

export const priceKinds = Object.keys(priceMembers) as readonly PriceKind[];

/** What a model's tokens cost; `everyPrice` fills in what is left out. */
export interface ModelPrice extends Partial<Record<PriceKind, TokenPrice>> {
  input: TokenPrice;
  output: TokenPrice;
  /** What a batch pays of every price, in millionths; half of it unless said otherwise, as both vendors ask. */
  batchMillionths?: bigint;
  /** What OpenAI's priority tier pays of every price, in millionths. */
  priorityMillionths?: bigint;
}

/** A price without tiers. */
export const flatPrice = (base: bigint): TokenPrice => ({ base, tiers: [] });

/** Twice the price of input: what Anthropic asks for a cache entry that lives for an hour. */
export const oneHourWritePrice = ({ base, tiers }: TokenPrice): TokenPrice => ({
  base: 2n * base,
  tiers: tiers.map(({ above, price }) => ({ above, price: 2n * price })),
});

/** The price of each kind: without one of its own, a kind costs what the kind costs that it is a part of. */
export function everyPrice(price: ModelPrice): Record<PriceKind, TokenPrice> {
  const { input, output, cachedInput = input, cacheWrite = input, imageInput = input, audioInput = input } = price;
  const { cacheWrite1h = cacheWrite, reasoning = output, audioOutput = output } = price;
  return { input, output, cachedInput, cacheWrite, cacheWrite1h, imageInput, audioInput, reasoning, audioOutput };
}

/** The price of one token in a call of `promptTokens`. */
export function tokenPriceAt(price: TokenPrice, promptTokens: number): bigint {
  return price.tiers.findLast(({ above }) => promptTokens > above)?.price ?? price.base;
}

/** On what terms a call is made. */
export interface CallTerms {
  batch?: boolean;
  terms?: readonly CallTerm[];
}

const whole = 1_000_000n;

// OpenAI asks for 1.67 to 2 times the price, depending on the model, and half of it for flex; Anthropic for 6 times of it
// in fast mode, and for a tenth more to stay in the US (their pages on prices, 2026).
const factors = { priority: 2_000_000n, flex: 500_000n, fast: 6_000_000n, us: 1_100_000n } as const satisfies Record<
  CallTerm,
  bigint
>;

/** What a call pays of its model's prices, in millionths. A batch has its own price, whoever has served it in his own time. */
export function payableMillionths(price: ModelPrice, { batch = false, terms = [] }: CallTerms): bigint {
  const { batchMillionths = 500_000n, priorityMillionths = factors.priority } = price;
  const own = { ...factors, priority: priorityMillionths, ...(batch ? { flex: whole } : {}) };
  return terms.reduce((millionths, term) => (millionths * own[term]) / whole, batch ? batchMillionths : whole);
}

/** USD for that many tokens as JSON numbers, before any tier, of the kinds that have a price; per token by default. */
export function listPrice(
  price: ModelPrice,
  tokens: 1 | 1000 | 1_000_000 = 1,
): Record<'input' | 'output', number> & Partial<Record<PriceKind, number>> {
  const usd = ({ base }: TokenPrice) => Number(`${base * BigInt(tokens)}e-12`);
  const listed = priceKinds.flatMap((kind) => {
    const own = price[kind];
    return own ? [[kind, usd(own)] as const] : [];
  });
  return { input: usd(price.input), output: usd(price.output), ...Object.fromEntries(listed) };
}
