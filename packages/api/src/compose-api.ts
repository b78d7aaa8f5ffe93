import { makeInstanceId } from '@llm-gateway/shared/contracts/ids';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import { createMetrics } from '@llm-gateway/shared/observability/metrics';
import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { priceOverrides } from '@llm-gateway/shared/pricing/price-overrides';
import { createLaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { createAccepter } from './admission/accept.ts';
import { createAttacher } from './admission/attach.ts';
import { createCacheLookup } from './admission/cache-lookup.ts';
import { createIdempotency } from './admission/idempotency.ts';
import { requestWindows } from './admission/limit.ts';
import { type AuthMode, createAuthenticator } from './auth/authenticate.ts';
import type { ApiConfig } from './config.ts';
import { createAttendance } from './delivery/attendance.ts';
import { createLogFeed } from './delivery/log-feed.ts';
import { createLogReader } from './delivery/log-reader.ts';
import { createDeliveryMarker } from './delivery/mark-delivered.ts';
import { createQueueTicker } from './delivery/queue-ticker.ts';
import { createStreamConnections } from './delivery/stream-connections.ts';
import { createWaiter } from './delivery/waiter.ts';
import type { ApiDeps, ApiSettings } from './deps.ts';
import { createJobReader } from './jobs/job-reader.ts';
import { createLaneBoard } from './lanes/lane-board.ts';
import { createRateLimiter } from './limits/rate-limiter.ts';
import { version } from './version.ts';
import { createWebhooks } from './webhooks/create-webhooks.ts';

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
// A stream that missed something finds out after this much silence.
const feedSweepMs = 5000;
// Below the 15 to 60 s after which proxies close a silent connection.
const heartbeatMs = 15_000;
const stuckReaderMs = 30_000;
const queueTickMs = 2000;

/** Puts the parts of the api together. */
export async function composeApi(parts: ApiParts): Promise<ApiDeps> {
  const { config, authMode, log, redis, subscriber, redisWarnings, isDraining } = parts;
  const keys = createKeys(config.KEY_PREFIX);
  const retry = { attempts: config.MAX_ATTEMPTS, baseDelayMs: config.RETRY_BASE_DELAY_MS };
  const laneQueues = createLaneQueues({ redis, keys, retry });
  const jobs = createJobReader(redis, keys);
  const instanceId = makeInstanceId();
  const attendance = createAttendance({ redis, keys, instanceId });
  const waiter = await createWaiter({ subscriber, keys, jobs, attendance, instanceId, sweepMs });
  const windows = requestWindows(config.MAX_REQUESTS_PER_MINUTE, config.MAX_REQUESTS_PER_HOUR);

  const board = createLaneBoard({ redis, keys, producers: laneQueues.producers, depthMax: config.LANE_DEPTH_MAX });

  const webhooks = createWebhooks(redis, keys, config.ALLOW_INSECURE_WEBHOOKS);

  return {
    log,
    metrics: createMetrics(),
    redis,
    keys,
    adminKey: config.ADMIN_API_KEY,
    authenticator: createAuthenticator({ mode: authMode, adminKey: config.ADMIN_API_KEY }),
    admission: {
      board,
      attach: createAttacher({ redis, keys, jobs, laneQueues }),
      idempotency: createIdempotency({ redis, keys, jobs, laneQueues }),
      cache: createCacheLookup({ redis, keys, ttlMs: config.CACHE_TTL_SECONDS * 1000 }),
      limiter: createRateLimiter({ redis, keyFor: keys.limit }),
      windows,
      waiter,
      attendance,
      webhooks,
      accept: createAccepter({
        redis,
        keys,
        laneQueues,
        instanceId,
        windows,
        maxAttempts: config.MAX_ATTEMPTS,
        resultTtlMs: config.RESULT_TTL_SECONDS * 1000,
        graceMs: { continue: config.ABANDONED_AFTER_MS, cancel: config.DISCONNECT_GRACE_MS },
      }),
    },
    jobs,
    attendance,
    laneQueues,
    markDelivered: createDeliveryMarker(redis, keys),
    streams: {
      jobs,
      log: createLogReader(redis, keys),
      feed: createLogFeed({ redis, subscriber, keys, sweepMs: feedSweepMs }),
      connections: createStreamConnections({ heartbeatMs, stuckMs: stuckReaderMs }),
      ticker: createQueueTicker({ board, tickMs: queueTickMs }),
      commitMs: config.STREAM_COMMIT_MS,
    },
    prices: createPriceBook({ overrides: priceOverrides(config) }),
    webhooks,
    queues: [...laneQueues.queues, webhooks.queue],
    isDraining,
    redisWarnings,
    settings: settingsOf(config),
  };
}

const settingsOf = (config: Readonly<ApiConfig>): ApiSettings => ({
  bodyLimitBytes: config.BODY_LIMIT_BYTES,
  syncWaitMs: config.SYNC_WAIT_MS,
  cacheTtlS: config.CACHE_TTL_SECONDS,
  perMinute: config.MAX_REQUESTS_PER_MINUTE,
  perHour: config.MAX_REQUESTS_PER_HOUR,
  maxAttempts: config.MAX_ATTEMPTS,
  baseDelayMs: config.RETRY_BASE_DELAY_MS,
  version,
});
