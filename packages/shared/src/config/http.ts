import { z } from 'zod';

export const httpEnv = {
  HOST: z
    .string()
    .default('127.0.0.1')
    .describe('Address to listen on. Beyond loopback, ADMIN_API_KEY or AUTH_MODE is required'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8000).describe('Port to listen on; 0 takes a free one'),
  SYNC_WAIT_MS: z.coerce
    .number()
    .int()
    .positive()
    .max(290_000)
    .default(240_000)
    .describe("How long a request waits for its answer before 504 and a job id. Node's fetch gives up at 301 s"),
  STREAM_COMMIT_MS: z.coerce
    .number()
    .int()
    .nonnegative()
    .max(290_000)
    .default(10_000)
    .describe(
      'How long a stream waits for its first text before it answers 200, so that an early failure is an HTTP error',
    ),
  BODY_LIMIT_BYTES: z.coerce.number().int().positive().default(33_554_432).describe('Largest JSON body (32 MiB)'),
};
