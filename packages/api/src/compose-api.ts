import { makeInstanceId } from '@llm-gateway/shared/contracts/ids';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import { createMetrics } from '@llm-gateway/shared/observability/metrics';
import { loadPriceFile } from '@llm-gateway/shared/pricing/load-price-file';
import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { priceOverrides } from '@llm-gateway/shared/pricing/price-overrides';
import { createLaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import type { FollowedRouting } from '@llm-gateway/shared/routing/follow-routing';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import type { Redis } from 'ioredis';
import { createAccepter } from './admission/accept.ts';
import { createAttacher } from './admission/attach.ts';
import { createCacheLookup } from './admission/cache-lookup.ts';
import { createBacklogCheck } from './admission/check-backlog.ts';
import { createEstimator } from './admission/estimate.ts';
import { createIdempotency } from './admission/idempotency.ts';
import type { AuthMode } from './auth/authenticate.ts';
import { createAccess } from './auth/create-access.ts';
import { createBatchLines } from './batches/batch-lines.ts';
import { createBatchStore } from './batches/batch-store.ts';
import { createSpendReader } from './budget/read-spend.ts';
import { createWriteOff } from './budget/write-off.ts';
import type { ApiConfig } from './config.ts';
import { createAttendance } from './delivery/attendance.ts';
import type { StreamDeliveryDeps } from './delivery/deliver-stream.ts';
import { createLogFeed } from './delivery/log-feed.ts';
import { createLogReader } from './delivery/log-reader.ts';
import { createDeliveryMarker } from './delivery/mark-delivered.ts';
import { createQueueTicker } from './delivery/queue-ticker.ts';
import { createStreamConnections } from './delivery/stream-connections.ts';
import { createWaiter } from './delivery/waiter.ts';
import type { ApiDeps, ApiSettings } from './deps.ts';
import { createFileStore } from './files/file-store.ts';
import { createJobReader, type JobReader } from './jobs/job-reader.ts';
import { createLaneBoard, type LaneBoard } from './lanes/lane-board.ts';
import { createRateLimiter } from './limits/rate-limiter.ts';
import { createStorage } from './storage/storage.ts';
import { type OpenLedgerOptions, openLedger } from './usage/open-ledger.ts';
import { version } from './version.ts';
import { createWebhooks } from './webhooks/create-webhooks.ts';

export interface ApiParts {
  config: Readonly<ApiConfig>;
  authMode: AuthMode;
  log: Logger;
  redis: Redis;
  subscriber: Redis;
  redisWarnings: string[];
  routing: FollowedRouting;
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
  const { config, authMode, subscriber, ...given } = parts;
  const { log, redis } = given;
  const keys = createKeys(config.KEY_PREFIX);
  const retry = { attempts: config.MAX_ATTEMPTS, baseDelayMs: config.RETRY_BASE_DELAY_MS };
  const laneQueues = createLaneQueues({ redis, keys, retry });
  const jobs = createJobReader(redis, keys);
  const instanceId = makeInstanceId();
  const attendance = createAttendance({ redis, keys, instanceId });
  const waiter = await createWaiter({ subscriber, keys, jobs, attendance, instanceId, sweepMs });
  const counter = createTokenCounter();
  const prices = createPriceBook({ overrides: priceOverrides(config), file: loadPriceFile(config.PRICES_FILE) });

  const board = createLaneBoard({ redis, keys, laneQueues, depthMax: config.LANE_DEPTH_MAX });

  const webhooks = createWebhooks(redis, keys, config.ALLOW_INSECURE_WEBHOOKS);

  const { apiKeys, tenants, policies, authenticator } = createAccess(redis, keys, authMode, config);

  return {
    ...given,
    metrics: createMetrics(),
    keys,
    adminKey: config.ADMIN_API_KEY,
    authenticator,
    apiKeys,
    tenants,
    ...openBudgets(redis, keys),
    ...openStores({ databaseUrl: config.DATABASE_URL, redis, keys, log }),
    admission: {
      routing: given.routing,
      board,
      policies,
      attach: createAttacher({ redis, keys, jobs, laneQueues }),
      idempotency: createIdempotency({ redis, keys, jobs, laneQueues }),
      cache: createCacheLookup({ redis, keys, ttlMs: config.CACHE_TTL_SECONDS * 1000 }),
      limiter: createRateLimiter({ redis, keyFor: keys.limit }),
      estimate: createEstimator({ prices, counter }),
      checkBacklog: createBacklogCheck({ redis, keys, backlogMax: config.LEDGER_BACKLOG_MAX }),
      waiter,
      attendance,
      webhooks,
      accept: createAccepter({
        redis,
        keys,
        laneQueues,
        instanceId,
        maxAttempts: config.MAX_ATTEMPTS,
        resultTtlMs: config.RESULT_TTL_SECONDS * 1000,
        graceMs: { continue: config.ABANDONED_AFTER_MS, cancel: config.DISCONNECT_GRACE_MS },
      }),
    },
    jobs,
    attendance,
    laneQueues,
    markDelivered: createDeliveryMarker(redis, keys),
    streams: openStreams({ ...parts, keys, jobs, board }),
    prices,
    counter,
    webhooks,
    queues: () => [...laneQueues.queues(), webhooks.queue],
    settings: settingsOf(config),
  };
}

interface StreamParts extends Pick<ApiParts, 'config' | 'redis' | 'subscriber'> {
  keys: Keys;
  jobs: JobReader;
  board: LaneBoard;
}

const openStreams = ({ config, redis, subscriber, keys, jobs, board }: StreamParts): StreamDeliveryDeps => ({
  jobs,
  log: createLogReader(redis, keys),
  feed: createLogFeed({ redis, subscriber, keys, sweepMs: feedSweepMs }),
  connections: createStreamConnections({ heartbeatMs, stuckMs: stuckReaderMs }),
  ticker: createQueueTicker({ board, tickMs: queueTickMs }),
  commitMs: config.STREAM_COMMIT_MS,
});

/** What lives in Postgres. */
function openStores(options: OpenLedgerOptions) {
  const ledger = openLedger(options);
  const storage = createStorage(ledger.database);
  return {
    ...ledger,
    storage,
    files: createFileStore(storage),
    batches: createBatchStore(storage),
    batchLines: createBatchLines(storage),
  };
}

const openBudgets = (redis: Redis, keys: Keys) => ({
  readSpend: createSpendReader(redis, keys),
  writeOff: createWriteOff(redis, keys),
});

const settingsOf = (config: Readonly<ApiConfig>): ApiSettings => ({
  bodyLimitBytes: config.BODY_LIMIT_BYTES,
  fileMaxBytes: config.FILE_MAX_BYTES,
  batchBodyLimitBytes: config.BATCH_BODY_LIMIT_BYTES,
  publicUrl: config.PUBLIC_URL,
  batchWindow: config.BATCH_WINDOW,
  syncWaitMs: config.SYNC_WAIT_MS,
  cacheTtlS: config.CACHE_TTL_SECONDS,
  perMinute: config.MAX_REQUESTS_PER_MINUTE,
  perHour: config.MAX_REQUESTS_PER_HOUR,
  maxAttempts: config.MAX_ATTEMPTS,
  baseDelayMs: config.RETRY_BASE_DELAY_MS,
  version,
});
