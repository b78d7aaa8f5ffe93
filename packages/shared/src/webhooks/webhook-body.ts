export interface WebhookContent {
  eventId: string;
  type: string;
  /** When it happened. */
  atMs: number;
  data: object;
}

/**
 * The bytes of a webhook, made once and sent in every attempt. Readers of Standard Webhooks find `timestamp`, those of
 * OpenAI's events `id`, `object` and `created_at`.
 */
export const webhookBody = ({ eventId, type, atMs, data }: WebhookContent): string =>
  JSON.stringify({
    id: eventId,
    object: 'event',
    type,
    created_at: Math.floor(atMs / 1000),
    timestamp: new Date(atMs).toISOString(),
    data,
  });
