import { z } from 'zod';

export const jobEnv = {
  RESULT_TTL_SECONDS: z.coerce
    .number()
    .int()
    .min(60)
    .max(2_592_000)
    .default(86_400)
    .describe('How long a finished job and its answer can be fetched, unless the job says otherwise'),
  ABANDONED_AFTER_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .default(30_000)
    .describe('A job that is still queued is dropped when everybody who waited for it has been gone for so long'),
  DISCONNECT_GRACE_MS: z.coerce
    .number()
    .int()
    .min(100)
    .default(5000)
    .describe('A job that shall not outlive its client is cancelled when that has been gone for so long'),
};

export const eventLogEnv = {
  EVENT_LOG_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(10_000)
    .default(8_388_608)
    .describe("Bound on a job's event log (8 MiB); beyond it the log starts anew with the text so far"),
};
