import { z } from 'zod';

export const drainEnv = {
  DRAIN_MS: z.coerce
    .number()
    .int()
    .nonnegative()
    .max(3_600_000)
    .default(30_000)
    .describe('How long a stopping process lets its requests and calls finish'),
};
