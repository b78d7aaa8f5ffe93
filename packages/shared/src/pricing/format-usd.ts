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

/** Nano-USD as a decimal of USD, never with an exponent and with no more digits than it has: `4500000n` → `0.0045`. */
export function usdText(nanoUsd: bigint): string {
  const digits = nanoUsd.toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The same for people: `0.0045 USD`. */
export const formatUsd = (nanoUsd: bigint): string => `${usdText(nanoUsd)} USD`;
