import { z } from 'zod';

export const workerEnv = {
  WORKER_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(2000)
    .default(200)
    .describe('Calls in flight per worker and provider'),
  WORKER_PORT: z.coerce
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe("Port of the worker's /health and /metrics; unset means none"),
  LOCK_DURATION_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .default(15_000)
    .describe("A worker that has not renewed a job's lock for so long has lost the job"),
  STALLED_INTERVAL_MS: z.coerce.number().int().min(500).default(5000).describe('How often lost jobs are looked for'),
};
