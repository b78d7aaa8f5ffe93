import { z } from 'zod';

export const retryEnv = {
  MAX_ATTEMPTS: z.coerce.number().int().min(1).max(20).default(3).describe('Attempts per job, the first included'),
  RETRY_BASE_DELAY_MS: z.coerce
    .number()
    .int()
    .positive()
    .max(3_600_000)
    .default(1000)
    .describe('Backoff before the second attempt; doubles with each further one, with jitter'),
};
