import { z } from 'zod';

export const fileEnv = {
  FILE_MAX_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(209_715_200)
    .describe('Largest file that can be uploaded (200 MiB)'),
};

export const batchEnv = {
  BATCH_WINDOW: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Jobs that one batch has in flight at most'),
  BATCH_BODY_LIMIT_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(67_108_864)
    .describe('Largest JSON body that makes a message batch (64 MiB)'),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional()
    .describe('Where clients reach the api; begins the `results_url` of message batches, which is a path without it'),
};
