import { batchEvents, usualEndpointEvents } from '@llm-gateway/shared/webhooks/job-webhook';
import { webhookBody } from '@llm-gateway/shared/webhooks/webhook-body';
import { digestOf, type NewDelivery } from '@llm-gateway/shared/webhooks/webhook-delivery';
import type { WebhookEndpoint } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import { z } from 'zod';

/** What an api process has left in the outbox of a batch that has ended. */
export const batchEntry = z.object({
  type: z.enum(batchEvents),
  tenant: z.string(),
  batch: z.string(),
  t: z.coerce.number(),
});

export type BatchEntry = z.output<typeof batchEntry>;

/**
 * Who is to be told of it. A batch that is told of again, because the first to tell was killed, always comes to the same
 * deliveries with the same ids. As both vendors have it, the id is all that is told.
 */
export function planBatchDeliveries(
  { type, tenant, batch, t }: BatchEntry,
  endpoints: readonly WebhookEndpoint[],
): NewDelivery[] {
  const event = `evt_${digestOf(batch, type)}`;
  const body = webhookBody({ eventId: event, type, atMs: t, data: { id: batch } });
  return endpoints
    .filter(({ disabled, events = usualEndpointEvents }) => !disabled && events.some((wanted) => wanted === type))
    .map(({ id, url }) => ({ tenant, event, type, url, body, endpoint: id }));
}
