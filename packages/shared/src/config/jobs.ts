import { z } from 'zod';

export const jobEnv = {
  RESULT_TTL_SECONDS: z.coerce
    .number()
    .int()
    .min(60)
    .max(2_592_000)
    .default(86_400)
    .describe('How long a finished job and its answer can be fetched'),
};
