import { openProducer } from '@llm-gateway/shared/queue/define-queue';
import { webhookQueue } from '@llm-gateway/shared/queue/webhook-queue';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { createWebhookDeliveries } from '@llm-gateway/shared/webhooks/webhook-deliveries';
import { createWebhookEndpoints } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import { createWebhookSecrets } from '@llm-gateway/shared/webhooks/webhook-secrets';
import type { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { WorkerConfig } from '../config.ts';
import type { WorkerDeps } from '../deps.ts';
import { startDispatcher } from './dispatcher.ts';
import { createGuardedAgent } from './guarded-agent.ts';
import { type ServeWebhooksOptions, serveWebhooks } from './serve-webhooks.ts';

export interface StartWebhooksOptions extends ServeWebhooksOptions {
  config: Pick<WorkerConfig, 'ALLOW_INSECURE_WEBHOOKS' | 'WEBHOOK_TIMEOUT_MS' | 'WEBHOOK_RETRY_BASE_MS'>;
  redis: Redis;
  /** A connection that nothing else uses: reading the outbox blocks it. */
  outboxReader: Redis;
  keys: Keys;
}

export interface RunningWebhooks {
  /** To be drained with the others. */
  worker: Worker;
  /** Takes no more events; those on their way are the queue's. */
  stopDispatching(): Promise<void>;
  /** Once the worker has been drained. Does not end while Redis is away. */
  close(): Promise<void>;
}

/** All that webhooks need of a worker process: events become deliveries, and deliveries are made. */
export function startWebhooks(
  options: StartWebhooksOptions,
  { log, metrics }: Pick<WorkerDeps, 'log' | 'metrics'>,
): RunningWebhooks {
  const { config, redis, outboxReader, keys } = options;
  const isInsecureAllowed = config.ALLOW_INSECURE_WEBHOOKS;
  const producer = openProducer(webhookQueue, options);
  const endpoints = createWebhookEndpoints(redis, keys);
  const deliveries = createWebhookDeliveries({ redis, keys, producer });
  const agent = createGuardedAgent(isInsecureAllowed);

  const dispatcher = startDispatcher({ redis, reader: outboxReader, keys, endpoints, deliveries, metrics, log });
  const worker = serveWebhooks(options, {
    deliveries,
    endpoints,
    secrets: createWebhookSecrets(redis, keys),
    metrics,
    log,
    agent,
    isInsecureAllowed,
    timeoutMs: config.WEBHOOK_TIMEOUT_MS,
    retryBaseMs: config.WEBHOOK_RETRY_BASE_MS,
  });
  return {
    worker,
    stopDispatching: dispatcher.close,
    close: () => Promise.all([agent.destroy(), producer.queue.close()]).then(() => undefined),
  };
}
