import { cacheEnv } from '@llm-gateway/shared/config/cache';
import { databaseEnv } from '@llm-gateway/shared/config/database';
import { drainEnv } from '@llm-gateway/shared/config/drain';
import { eventLogEnv } from '@llm-gateway/shared/config/jobs';
import { logEnv } from '@llm-gateway/shared/config/log';
import { pricingEnv } from '@llm-gateway/shared/config/pricing';
import { providerEnv } from '@llm-gateway/shared/config/providers';
import { redisEnv } from '@llm-gateway/shared/config/redis';
import { retryEnv } from '@llm-gateway/shared/config/retry';
import { routingEnv } from '@llm-gateway/shared/config/routing';
import { webhookDeliveryEnv, webhookEnv } from '@llm-gateway/shared/config/webhooks';
import { workerEnv } from '@llm-gateway/shared/config/worker';
import { z } from 'zod';

/** What the worker reads from its environment. There is no admin key in it, so this process cannot leak one. */
export const workerConfig = z.object({
  ...cacheEnv,
  ...databaseEnv,
  ...drainEnv,
  ...eventLogEnv,
  ...logEnv,
  ...pricingEnv,
  ...providerEnv,
  ...redisEnv,
  ...retryEnv,
  ...routingEnv,
  ...webhookDeliveryEnv,
  ...webhookEnv,
  ...workerEnv,
});

export type WorkerConfig = z.output<typeof workerConfig>;
