import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasAtMostValues } from './bound-values.ts';

/** The plain definition. */
function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, one) => sum + 1 + countOf(one), 0);
}

test('counts every member and item once', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const count = countOf(value);
      expect(hasAtMostValues(value, count)).toBe(true);
      if (count > 0) expect(hasAtMostValues(value, count - 1)).toBe(false);
    }),
  );
});

test('does not need a stack as deep as the value', () => {
  const depth = 200_000;
  const deep: unknown = JSON.parse('['.repeat(depth) + ']'.repeat(depth));
  expect(hasAtMostValues(deep, depth)).toBe(true);
  expect(hasAtMostValues(deep, depth - 2)).toBe(false);
});
