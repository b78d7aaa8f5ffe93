import { scaledInteger } from './scaled-integer.ts';

/** Nano-USD as a JSON number in USD: the double next to the exact decimal, `4500000n` → `0.0045`. */
export function usdNumber(nanoUsd: bigint): number {
  // Read from the decimal, because a division of doubles would round twice.
  return Number(`${nanoUsd}e-9`);
}

/** A number in USD, as it stands in JSON, in nano-USD. Throws a RangeError if negative or finer than that. */
export const nanoUsdOf = (usd: number): bigint => nanoUsdOfText(String(usd));

/** A decimal text of USD in nano-USD. Throws a RangeError if negative or finer than that. */
export const nanoUsdOfText = (usd: string): bigint => scaledInteger(usd, 9);

/** Nano-USD as text for people: `4500000n` → `0.0045 USD`, no more digits than it has. */
export function formatUsd(nanoUsd: bigint): string {
  const digits = nanoUsd.toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`} USD`;
}
