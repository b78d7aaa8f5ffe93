import type { WebhookEndpoint } from '@llm-gateway/shared/webhooks/webhook-endpoints';

/** A registered address as its tenant keeps it. For tests. */
export const testEndpoint = (id: string, changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint => ({
  id,
  url: `https://${id}.example`,
  description: '',
  disabled: false,
  createdMs: 0,
  ...changes,
});
