// Each bucket is this much wider than the one before: what is told of a percentile is off by 4.9 % at most.
const growth = 1.1;

/** SQL: the bucket of a time in ms. Bucket 0 ends with 1 ms, bucket n with growth^n ms. */
export const bucketSql = (ms: string): string =>
  `ceil(ln(greatest(${ms}, 1)::float8) / ln(${growth}::float8))::smallint`;

/** The time that stands for a bucket: its middle, in ratio to both ends. */
export const bucketMs = (bucket: number): number => (bucket <= 0 ? 1 : growth ** (bucket - 0.5));
