import { z } from 'zod';

/** What only `npm start` reads. */
export const startEnv = {
  DATA_DIR: z
    .string()
    .default('.data')
    .describe('Where the private Redis and Postgres, the admin key and the logs live'),
  WORKERS: z.coerce.number().int().min(1).max(64).default(1).describe('Worker processes to start'),
  SANDBOX: z.enum(['on', 'off']).default('on').describe('off: a provider without a key is not served at all'),
  LOG_TO: z.enum(['file', 'stdout']).default('file').describe('Where the processes log to; file means below DATA_DIR'),
};
