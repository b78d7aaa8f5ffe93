import { sandboxEnv } from '@llm-gateway/sandbox/sandbox-env';
import { authEnv } from '@llm-gateway/shared/config/auth';
import { batchEnv, fileEnv } from '@llm-gateway/shared/config/batches';
import { cacheEnv } from '@llm-gateway/shared/config/cache';
import { databaseEnv, ledgerEnv } from '@llm-gateway/shared/config/database';
import { drainEnv } from '@llm-gateway/shared/config/drain';
import { httpEnv } from '@llm-gateway/shared/config/http';
import { jobEnv } from '@llm-gateway/shared/config/jobs';
import { limitEnv } from '@llm-gateway/shared/config/limits';
import { logEnv } from '@llm-gateway/shared/config/log';
import { pricingEnv } from '@llm-gateway/shared/config/pricing';
import { providerEnv } from '@llm-gateway/shared/config/providers';
import { redisEnv } from '@llm-gateway/shared/config/redis';
import { retryEnv } from '@llm-gateway/shared/config/retry';
import { routingEnv } from '@llm-gateway/shared/config/routing';
import { webhookDeliveryEnv, webhookEnv } from '@llm-gateway/shared/config/webhooks';
import { workerEnv } from '@llm-gateway/shared/config/worker';
import type { z } from 'zod';
import { startEnv } from './start/start-env.ts';

/** Every variable of the gateway, in the order in which it is shown to a reader. */
export const configurationGroups: [title: string, shape: Record<string, z.ZodType>][] = [
  ['Providers', providerEnv],
  ['Routing', routingEnv],
  ['Redis', redisEnv],
  ['Postgres', { ...databaseEnv, ...ledgerEnv }],
  ['Listening', httpEnv],
  ['Access', authEnv],
  ['Limits', limitEnv],
  ['Cache', cacheEnv],
  ['Prices', pricingEnv],
  ['Retries', retryEnv],
  ['Jobs', jobEnv],
  ['Files and batches', { ...fileEnv, ...batchEnv }],
  ['Webhooks', { ...webhookEnv, ...webhookDeliveryEnv }],
  ['Worker', workerEnv],
  ['Shutdown', drainEnv],
  ['Logs', logEnv],
  ['npm start only', startEnv],
  ['Sandbox', sandboxEnv],
];
