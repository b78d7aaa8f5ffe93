import { z } from 'zod';

const requests = z.coerce.number().int().nonnegative().max(1_000_000_000);

export const limitEnv = {
  MAX_REQUESTS_PER_MINUTE: requests.default(10).describe('Per user, as a sliding window'),
  MAX_REQUESTS_PER_HOUR: requests.default(100).describe('Per user, as a sliding window'),
  LANE_DEPTH_MAX: z.coerce
    .number()
    .int()
    .positive()
    .default(100_000)
    .describe('Waiting jobs per provider beyond which requests are refused with 503'),
};
