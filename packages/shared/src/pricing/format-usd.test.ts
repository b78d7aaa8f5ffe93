import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nanoUsdOf, usdNumber } from './format-usd.ts';
import { scaledInteger } from './scaled-integer.ts';

test.for([
  [0n, 0],
  [1n, 0.000000001],
  [4_500_000n, 0.0045],
  [1_000_000_000n, 1],
  [123_456_789_012n, 123.456789012],
] as const)('%d nano-USD are %d USD, and back', ([nanoUsd, usd]) => {
  expect(usdNumber(nanoUsd)).toBe(usd);
  expect(nanoUsdOf(usd)).toBe(nanoUsd);
});

test('every amount below a million dollars survives JSON', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), (nanoUsd) => {
      const sent: unknown = JSON.parse(JSON.stringify(usdNumber(nanoUsd)));
      return typeof sent === 'number' && nanoUsdOf(sent) === nanoUsd;
    }),
  );
});

test.for([
  ['0.15', 6, 150_000n],
  ['30', 6, 30_000_000n],
  ['0.000030', 12, 30_000_000n],
  ['3e-5', 12, 30_000_000n],
  ['1.5e+2', 0, 150n],
  ['0.100', 1, 1n],
  ['0', 12, 0n],
] as const)('%s with %i digits is %d', ([decimal, digits, integer]) => {
  expect(scaledInteger(decimal, digits)).toBe(integer);
});

test.for(['', '-1', '.5', '1.', 'abc', 'NaN', 'Infinity', '0x10', '1 ', '1,5', '0.0000001'])(
  '%j is refused',
  (decimal) => {
    expect(() => scaledInteger(decimal, 6)).toThrow(RangeError);
  },
);
