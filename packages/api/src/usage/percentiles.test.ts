import { bucketMs } from '@llm-gateway/shared/ledger/latency-buckets';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { percentilesOf } from './percentiles.ts';

const bucketOf = (ms: number) => (ms <= 1 ? 0 : Math.ceil(Math.log(ms) / Math.log(1.1)));

/** How many of these times are in each bucket, as the database counts them. */
function count(times: readonly number[]) {
  const counts = new Map<number, number>();
  for (const ms of times) counts.set(bucketOf(ms), (counts.get(bucketOf(ms)) ?? 0) + 1);
  return [...counts].sort(([one], [other]) => one - other).map(([bucket, count]) => ({ bucket, count }));
}

test('without a call there is no time', () => {
  expect(percentilesOf([])).toEqual({ p50_ms: null, p95_ms: null, p99_ms: null });
});

test('one call is all of them', () => {
  const [only] = count([250]);
  const ms = Number(bucketMs(only?.bucket ?? 0).toPrecision(3));
  expect(percentilesOf(only ? [only] : [])).toEqual({ p50_ms: ms, p95_ms: ms, p99_ms: ms });
});

test('every percentile is within 5 % of the exact one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3_600_000 }), { minLength: 1, maxLength: 300 }), (times) => {
      const sorted = times.toSorted((one, other) => one - other);
      const exact = (part: number) => sorted[Math.ceil(part * sorted.length) - 1] ?? 0;
      const { p50_ms, p95_ms, p99_ms } = percentilesOf(count(times));
      for (const [told, part] of [
        [p50_ms, 0.5],
        [p95_ms, 0.95],
        [p99_ms, 0.99],
      ] as const) {
        // Rounded to three digits on top.
        expect(Math.abs((told ?? 0) / exact(part) - 1)).toBeLessThan(0.055);
      }
    }),
  );
});
