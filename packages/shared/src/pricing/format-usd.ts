import { scaledInteger } from './scaled-integer.ts';

/** Nano-USD as a JSON number in USD: the double next to the exact decimal, `4500000n` → `0.0045`. */
export function usdNumber(nanoUsd: bigint): number {
  // Read from the decimal, because a division of doubles would round twice.
  return Number(`${nanoUsd}e-9`);
}

/** A number in USD, as it stands in JSON, in nano-USD. Throws a RangeError if negative or finer than that. */
export function nanoUsdOf(usd: number): bigint {
  return scaledInteger(String(usd), 9);
}
