import { z } from 'zod';

export const webhookEnv = {
  ALLOW_INSECURE_WEBHOOKS: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('true: webhooks may go to http URLs and to private addresses; for development only'),
};

export const webhookDeliveryEnv = {
  WEBHOOK_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(60_000)
    .default(15_000)
    .describe('Longest single attempt to deliver a webhook'),
  WEBHOOK_RETRY_BASE_MS: z.coerce
    .number()
    .int()
    .min(10)
    .max(60_000)
    .default(5000)
    .describe(
      'Pause before the second attempt of a webhook; the later ones, up to 24 h after the first, scale with it',
    ),
};
