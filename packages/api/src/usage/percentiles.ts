import { bucketMs } from '@llm-gateway/shared/ledger/latency-buckets';
import { z } from 'zod';

const ms = z.number().nullable();

export const percentiles = z
  .object({ p50_ms: ms, p95_ms: ms, p99_ms: ms })
  .meta({ id: 'Percentiles', description: 'Of calls that were answered, exact to 5 %; null where there was none' });

export type Percentiles = z.infer<typeof percentiles>;

export interface BucketCount {
  bucket: number;
  count: number;
}

/** The times within which half, 95 and 99 of 100 of the calls were done. `buckets` ascend. */
export function percentilesOf(buckets: readonly BucketCount[]): Percentiles {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  const at = (part: number): number | null => {
    let left = Math.ceil(part * total);
    for (const { bucket, count } of buckets) {
      left -= count;
      if (left <= 0) return Number(bucketMs(bucket).toPrecision(3));
    }
    return null;
  };
  return { p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99) };
}
