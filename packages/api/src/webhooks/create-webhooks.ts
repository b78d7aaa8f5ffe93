import { openProducer } from '@llm-gateway/shared/queue/define-queue';
import { webhookQueue } from '@llm-gateway/shared/queue/webhook-queue';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { createWebhookDeliveries, type WebhookDeliveries } from '@llm-gateway/shared/webhooks/webhook-deliveries';
import { createWebhookEndpoints, type WebhookEndpoints } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import { createWebhookSecrets, type WebhookSecrets } from '@llm-gateway/shared/webhooks/webhook-secrets';
import { webhookUrlFault } from '@llm-gateway/shared/webhooks/webhook-url';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** What the api does with webhooks: everything but sending them. */
export interface Webhooks {
  endpoints: WebhookEndpoints;
  secrets: WebhookSecrets;
  deliveries: WebhookDeliveries;
  /** What is wrong with an address, in words that follow its name. */
  urlFault: (url: string) => string | undefined;
  queue: Queue;
}

export function createWebhooks(redis: Redis, keys: Keys, isInsecureAllowed: boolean): Webhooks {
  const producer = openProducer(webhookQueue, { connection: redis, prefix: keys.queuePrefix });
  return {
    endpoints: createWebhookEndpoints(redis, keys),
    secrets: createWebhookSecrets(redis, keys),
    deliveries: createWebhookDeliveries({ redis, keys, producer }),
    urlFault: (url) => webhookUrlFault(url, isInsecureAllowed),
    queue: producer.queue,
  };
}
