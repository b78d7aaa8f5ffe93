import { setTimeout as pause } from 'node:timers/promises';
import { createLogger, type Logger } from '@llm-gateway/shared/observability/logger';
import { createMetrics } from '@llm-gateway/shared/observability/metrics';
import { loadPriceFile } from '@llm-gateway/shared/pricing/load-price-file';
import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { priceOverrides } from '@llm-gateway/shared/pricing/price-overrides';
import { createLaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { reportRedisServer } from '@llm-gateway/shared/redis/check-server';
import { closeRedis, connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import { followRouting } from '@llm-gateway/shared/routing/follow-routing';
import type { Routing } from '@llm-gateway/shared/routing/routing';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { announcePresence } from './announce-presence.ts';
import type { WorkerConfig } from './config.ts';
import type { WorkerDeps } from './deps.ts';
import { drainWorkers } from './drain.ts';
import { followProviders } from './follow-providers.ts';
import { createInHand } from './in-hand.ts';
import { serveLanes } from './lanes.ts';
import { startLedger } from './ledger-writer/start-ledger.ts';
import { serveOps } from './ops-server.ts';
import { planProviders } from './providers/plan-providers.ts';
import { createRegistry } from './providers/registry.ts';
import { createSettlement, type SettlementOptions } from './settlement/settlement.ts';
import { createStops } from './stops.ts';
import { startTimekeeper } from './timekeeping/timekeeper.ts';
import { startWebhooks } from './webhooks/start-webhooks.ts';

// A provider that asks for a longer pause has in effect refused.
const retryAfterMaxMs = 600_000;
const lossesMax = 3;
// BullMQ's queues never close while Redis is away.
const closeMs = 1000;
// A running job that nobody told to stop is looked up so often all the same.
const stopSweepMs = 2000;

/**
 * Composes the worker process from its configuration; the routing file refers to the environment. `close` drains it.
 */
export async function startWorker(
  config: Readonly<WorkerConfig>,
  environment: Record<string, string | undefined>,
): Promise<{ close: () => Promise<void> }> {
  const log = createLogger({ service: 'worker', level: config.LOG_LEVEL });
  const plan = (version: Routing) => planProviders(config, version, environment);
  const routing = await followRouting({ path: config.ROUTING_FILE, log, check: (version) => plan(version).faults });
  const keys = createKeys(config.KEY_PREFIX);
  const { redis, subscriber, outboxReader, ledgerReader } = await connectAll(config.REDIS_URL, log);
  await reportRedisServer(redis, log);

  const counter = createTokenCounter();
  const registry = createRegistry({ timeoutMs: config.PROVIDER_TIMEOUT_MS, counter, log });
  registry.renew(plan(routing.current()).plans);
  const retry = { attempts: config.MAX_ATTEMPTS, baseDelayMs: config.RETRY_BASE_DELAY_MS };
  const laneQueues = createLaneQueues({ redis, keys, retry });
  const stops = await createStops({ redis, subscriber, keys, sweepMs: stopSweepMs });
  const { providers } = registry;
  const deps = composeDeps({ config, redis, keys, log, counter, providers, stops, laneQueues });

  const draining = new AbortController();
  const inHand = createInHand();
  const serving = {
    connection: redis,
    prefix: keys.queuePrefix,
    lockDurationMs: config.LOCK_DURATION_MS,
    stalledIntervalMs: config.STALLED_INTERVAL_MS,
    draining: draining.signal,
    inHand,
  };
  const webhooks = startWebhooks({ ...serving, config, redis, outboxReader, keys }, deps);
  const ledger = startLedger({ ...deps, databaseUrl: config.DATABASE_URL, redis, reader: ledgerReader, keys });
  const lanes = serveLanes({ ...serving, retry, concurrency: config.WORKER_CONCURRENCY }, deps);
  const workers = () => [...lanes.workers(), webhooks.worker];
  const timekeeper = startTimekeeper({ redis, keys, laneQueues, log });
  const ops = config.WORKER_PORT === undefined ? undefined : serveOps(config.WORKER_PORT, deps.metrics, workers);

  const presence = await announcePresence(redis, keys, registry.served);
  followProviders({ routing, plan: (version) => plan(version).plans, registry, lanes, announce: presence.renew, log });
  await Promise.all(workers().map((worker) => worker.waitUntilReady()));
  const modes = [...registry.served()].map(([lane, { mode }]) => [lane, mode]);
  log.info({ event: 'worker_ready', lanes: Object.fromEntries(modes) }, 'worker ready');

  return {
    async close() {
      routing.close();
      presence.withdraw();
      const drained = drainWorkers({
        workers: [lanes, webhooks.worker],
        draining,
        inHand,
        drainMs: config.DRAIN_MS,
        log,
      });
      await Promise.all([drained, webhooks.stopDispatching()]);
      // After the drain, so that what the last jobs cost is written too; what is not waits in Redis.
      await ledger.close();
      timekeeper.close();
      stops.close();
      ops?.close();
      await registry.close();
      await Promise.race([Promise.all([laneQueues.close(), webhooks.close()]), pause(closeMs)]);
      await Promise.all([closeRedis(redis), closeRedis(subscriber), counter.close()]);
      log.info({ event: 'worker_stopped' }, 'worker stopped');
    },
  };
}

interface DepsParts
  extends Pick<WorkerDeps, 'log' | 'counter' | 'providers' | 'stops' | 'laneQueues'>,
    Pick<SettlementOptions, 'redis' | 'keys'> {
  config: Readonly<WorkerConfig>;
}

const composeDeps = ({ config, redis, keys, ...parts }: DepsParts): WorkerDeps => ({
  ...parts,
  metrics: createMetrics(),
  prices: createPriceBook({ overrides: priceOverrides(config), file: loadPriceFile(config.PRICES_FILE) }),
  settlement: createSettlement({ redis, keys, cacheMaxBytes: config.CACHE_MAX_BYTES }),
  callLimits: { timeoutMs: config.PROVIDER_TIMEOUT_MS, idleMs: config.PROVIDER_IDLE_MS },
  retryLimits: { baseDelayMs: config.RETRY_BASE_DELAY_MS, retryAfterMaxMs },
  lossesMax,
  logMaxBytes: config.EVENT_LOG_MAX_BYTES,
});

/** The connections of a worker, ready to serve. Reading an outbox blocks a connection, so that each has its own. */
async function connectAll(url: string, log: Logger) {
  const connect = (name: string, role: 'worker' | 'subscriber') => connectRedis({ url, name, role, log });
  const connections = {
    redis: connect('gateway-worker', 'worker'),
    subscriber: connect('gateway-worker-subscriber', 'subscriber'),
    outboxReader: connect('gateway-worker-outbox', 'worker'),
    ledgerReader: connect('gateway-worker-ledger', 'worker'),
  };
  await Promise.all(Object.values(connections).map((connection) => whenReady(connection)));
  return connections;
}
