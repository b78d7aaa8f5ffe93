import { makeInstanceId } from '@llm-gateway/shared/contracts/ids';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import { createMetrics } from '@llm-gateway/shared/observability/metrics';
import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { priceOverrides } from '@llm-gateway/shared/pricing/price-overrides';
import { allQueues } from '@llm-gateway/shared/queue/all-queues';
import { openProducer } from '@llm-gateway/shared/queue/define-queue';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { createLaneAdder } from './admission/add-to-lane.ts';
import { createAttacher } from './admission/attach.ts';
import { createCacheLookup } from './admission/cache-lookup.ts';
import { createEnqueuer } from './admission/enqueue.ts';
import { requestWindows } from './admission/limit.ts';
import { type AuthMode, createAuthenticator } from './auth/authenticate.ts';
import type { ApiConfig } from './config.ts';
import { createDeliveryMarker } from './delivery/mark-delivered.ts';
import { createWaiter } from './delivery/waiter.ts';
import type { ApiDeps } from './deps.ts';
import { createJobReader } from './jobs/job-reader.ts';
import { createLaneBoard } from './lanes/lane-board.ts';
import { createRateLimiter } from './limits/rate-limiter.ts';
import { version } from './version.ts';

export interface ApiParts {
  config: Readonly<ApiConfig>;
  authMode: AuthMode;
  log: Logger;
  redis: Redis;
  subscriber: Redis;
  redisWarnings: string[];
  isDraining: () => boolean;
}

// A wait whose notice was lost ends this much late at most.
const sweepMs = 2000;

/** Puts the parts of the api together. */
export async function composeApi(parts: ApiParts): Promise<ApiDeps> {
  const { config, authMode, log, redis, subscriber, redisWarnings, isDraining } = parts;
  const keys = createKeys(config.KEY_PREFIX);
  const retry = { attempts: config.MAX_ATTEMPTS, baseDelayMs: config.RETRY_BASE_DELAY_MS };
  const connection = { connection: redis, prefix: keys.queuePrefix };
  const producers = new Map(allQueues(retry).map(({ lane, contract }) => [lane, openProducer(contract, connection)]));
  const addToLane = createLaneAdder(producers);
  const jobs = createJobReader(redis, keys);
  const instanceId = makeInstanceId();
  const waiter = await createWaiter({ redis, subscriber, keys, jobs, instanceId, sweepMs });

  return {
    log,
    metrics: createMetrics(),
    redis,
    keys,
    adminKey: config.ADMIN_API_KEY,
    authenticator: createAuthenticator({ mode: authMode, adminKey: config.ADMIN_API_KEY }),
    admission: {
      board: createLaneBoard({ redis, keys, producers, depthMax: config.LANE_DEPTH_MAX }),
      attach: createAttacher({ redis, keys, jobs, addToLane }),
      cache: createCacheLookup({ redis, keys, ttlMs: config.CACHE_TTL_SECONDS * 1000 }),
      limiter: createRateLimiter({ redis, keyFor: keys.limit }),
      windows: requestWindows(config.MAX_REQUESTS_PER_MINUTE, config.MAX_REQUESTS_PER_HOUR),
      waiter,
      enqueue: createEnqueuer({ redis, keys, addToLane, instanceId }),
      maxAttempts: config.MAX_ATTEMPTS,
    },
    jobs,
    markDelivered: createDeliveryMarker(redis, keys),
    prices: createPriceBook({ overrides: priceOverrides(config) }),
    queues: [...producers.values()].map(({ queue }) => queue),
    isDraining,
    redisWarnings,
    settings: {
      bodyLimitBytes: config.BODY_LIMIT_BYTES,
      syncWaitMs: config.SYNC_WAIT_MS,
      cacheTtlS: config.CACHE_TTL_SECONDS,
      perMinute: config.MAX_REQUESTS_PER_MINUTE,
      perHour: config.MAX_REQUESTS_PER_HOUR,
      maxAttempts: config.MAX_ATTEMPTS,
      baseDelayMs: config.RETRY_BASE_DELAY_MS,
      version,
    },
  };
}
