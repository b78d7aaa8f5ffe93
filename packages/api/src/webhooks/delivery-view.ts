import type { WebhookDelivery } from '@llm-gateway/shared/webhooks/webhook-delivery';
import { z } from 'zod';

const time = z.iso.datetime();

/** A webhook on its way to one address, as its owner sees it. */
export const deliveryView = z
  .object({
    id: z.string(),
    object: z.literal('webhook_delivery'),
    event_id: z.string().describe('Sent as webhook-id with every attempt'),
    type: z.string(),
    job_id: z.string().nullable(),
    endpoint_id: z.string().nullable().describe("null for the job's own address"),
    url: z.string(),
    status: z.enum(['pending', 'delivered', 'failed']),
    created_at: time,
    next_attempt_at: time.nullable(),
    attempts: z.array(
      z.object({
        at: time,
        status: z.int().nullable().describe('HTTP status; null without an answer'),
        latency_ms: z.int(),
        error: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryList = z.object({
  object: z.literal('list'),
  data: z.array(deliveryView),
  has_more: z.literal(false),
});

const iso = (ms: number) => new Date(ms).toISOString();

export const viewDelivery = (id: string, delivery: WebhookDelivery): z.infer<typeof deliveryView> => ({
  id,
  object: 'webhook_delivery',
  event_id: delivery.event,
  type: delivery.type,
  job_id: delivery.job ?? null,
  endpoint_id: delivery.endpoint ?? null,
  url: delivery.url,
  status: delivery.status,
  created_at: iso(delivery.createdMs),
  next_attempt_at: delivery.nextMs === undefined ? null : iso(delivery.nextMs),
  attempts: delivery.attempts.map(({ atMs, status, latencyMs, error }) => ({
    at: iso(atMs),
    status,
    latency_ms: latencyMs,
    error,
  })),
});

export const viewDeliveries = (found: [string, WebhookDelivery][]): z.infer<typeof deliveryList> => ({
  object: 'list',
  data: found.map(([id, delivery]) => viewDelivery(id, delivery)),
  has_more: false,
});
