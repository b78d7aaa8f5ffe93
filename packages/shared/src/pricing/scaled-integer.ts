/**
 * The decimal times 10^digits as an exact integer: `scaledInteger('0.15', 6)` is 150000n. Takes what `String(number)`
 * gives, exponents included. Throws a RangeError where the text is no non-negative decimal or has further digits.
 */
export function scaledInteger(decimal: string, digits: number): bigint {
  const [, whole = '', fraction = '', exponent = '0'] = /^(\d+)(?:\.(\d+))?(?:e([+-]?\d{1,3}))?$/.exec(decimal) ?? [];
  const zeros = digits + Number(exponent) - fraction.length;
  if (whole === '') throw new RangeError(`not a decimal: ${decimal}`);
  const value = BigInt(whole + fraction);
  if (zeros >= 0) return value * 10n ** BigInt(zeros);
  const divisor = 10n ** BigInt(-zeros);
  if (value % divisor !== 0n) throw new RangeError(`more than ${digits} decimals: ${decimal}`);
  return value / divisor;
}
