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
import { redisEnv } from '@llm-gateway/shared/config/redis';
import { retryEnv } from '@llm-gateway/shared/config/retry';
import { routingEnv } from '@llm-gateway/shared/config/routing';
import { webhookEnv } from '@llm-gateway/shared/config/webhooks';
import { z } from 'zod';

/** What the api reads from its environment. There is no provider key in it, so this process cannot leak one. */
export const apiConfig = z.object({
  ...authEnv,
  ...batchEnv,
  ...cacheEnv,
  ...databaseEnv,
  ...ledgerEnv,
  ...drainEnv,
  ...fileEnv,
  ...httpEnv,
  ...jobEnv,
  ...limitEnv,
  ...logEnv,
  ...pricingEnv,
  ...redisEnv,
  ...retryEnv,
  ...routingEnv,
  ...webhookEnv,
});

export type ApiConfig = z.output<typeof apiConfig>;
