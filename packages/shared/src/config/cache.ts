import { z } from 'zod';

export const cacheEnv = {
  CACHE_TTL_SECONDS: z.coerce
    .number()
    .int()
    .nonnegative()
    .max(31_536_000)
    .default(3600)
    .describe('How long an answer is kept for equal requests; 0 switches the cache off'),
  CACHE_MAX_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(268_435_456)
    .describe('Bound on the memory of the cache (256 MiB); the answers nearest to expiry leave first'),
};
