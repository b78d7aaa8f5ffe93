import { z } from 'zod';
import { defineQueue } from './define-queue.ts';
import { backoffType } from './generation-queue.ts';

const webhookJob = z.object({
  v: z.literal(1),
  /** The delivery, whose record holds everything. */
  id: z.string().startsWith('dlv_'),
  /** The round of the delivery that it belongs to. */
  round: z.int().nonnegative(),
});

export type WebhookJob = z.infer<typeof webhookJob>;

/** Webhooks on their way to one address each; the worker's schedule says when the next attempt is. */
export const webhookQueue = defineQueue({
  name: 'webhook-delivery',
  payload: webhookJob,
  jobOptions: {
    attempts: 10,
    backoff: { type: backoffType, delay: 0 },
    removeOnComplete: { age: 3600, count: 1000 },
    removeOnFail: { age: 86_400, count: 5000 },
    stackTraceLimit: 0,
  },
});
