import { z } from 'zod';

/** What tells of a job's end: sent to everybody who does not say otherwise. */
export const finalEvents = ['job.completed', 'job.incomplete', 'job.failed', 'job.cancelled', 'job.expired'] as const;

/** The end of a background response in OpenAI's words, for receivers that were written for those. */
export const responseEvents = [
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.cancelled',
] as const;

/** What a webhook can tell of a job. What is not among `finalEvents` is sent only to those who ask for it. */
export const webhookEvents = ['job.started', ...finalEvents, ...responseEvents] as const;

export type WebhookEvent = (typeof webhookEvents)[number];

/** What tells of a budget. */
export const budgetEvents = ['budget.threshold', 'budget.exceeded'] as const;

/** What tells of a batch's end. */
export const batchEvents = [
  'batch.completed',
  'batch.failed',
  'batch.expired',
  'batch.cancelled',
  'message_batch.ended',
] as const;

/** What a registered address can be told of. */
export const endpointEvents = [...webhookEvents, ...budgetEvents, ...batchEvents] as const;

/** What one is told of that does not say otherwise. */
export const usualEndpointEvents = [...finalEvents, ...budgetEvents, ...batchEvents] as const;

/** What somebody wants to be told of a job, and how. */
export const webhookWishes = z.object({
  /** Absent: all that end a job. */
  events: z.array(z.enum(webhookEvents)).optional(),
  /** `result`: the answer travels along while it is small enough. */
  include: z.array(z.enum(['result'])).optional(),
});

export type WebhookWishes = z.infer<typeof webhookWishes>;

/** The address that one job's events go to, as its record keeps it. */
export const jobWebhook = webhookWishes.extend({
  url: z.string(),
  /** `whsec_…`; absent: the tenant's own. */
  secret: z.string().optional(),
});

export type JobWebhook = z.infer<typeof jobWebhook>;
