import { z } from 'zod';

const bound = z.coerce.number().int().nonnegative().max(1_000_000_000);

export const limitEnv = {
  MAX_REQUESTS_PER_MINUTE: bound.default(10).describe('Per user, as a sliding window'),
  MAX_REQUESTS_PER_HOUR: bound.default(100).describe('Per user, as a sliding window'),
  MAX_TOKENS_PER_MINUTE: bound
    .optional()
    .describe('Per user, as a sliding window of prompt and completion tokens; no limit if not set'),
  MAX_CONCURRENCY: bound.optional().describe('Per user, of generations accepted and not ended; no limit if not set'),
  LANE_DEPTH_MAX: z.coerce
    .number()
    .int()
    .positive()
    .default(100_000)
    .describe('Waiting jobs per provider beyond which requests are refused with 503'),
};
