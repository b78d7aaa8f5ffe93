import type { AddressInfo } from 'node:net';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { reportRedisServer } from '@llm-gateway/shared/redis/check-server';
import { closeRedis, connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { followRouting } from '@llm-gateway/shared/routing/follow-routing';
import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.ts';
import { decideAuthMode } from './auth/auth-mode.ts';
import { openPump } from './batches/open-pump.ts';
import { composeApi } from './compose-api.ts';
import type { ApiConfig } from './config.ts';
import { closeDelivery } from './delivery/close-delivery.ts';
import type { ApiDeps } from './deps.ts';
import { generationEndpoints } from './routes/generation-endpoints.ts';

export interface RunningApi {
  url: string;
  close: () => Promise<void>;
}

/** Composes the api process from its configuration and listens. `close` drains it. */
export async function startApi(config: Readonly<ApiConfig>): Promise<RunningApi> {
  const authMode = decideAuthMode(config);
  const log = createLogger({ service: 'api', level: config.LOG_LEVEL });
  // Without the environment: the secrets that the file refers to are for workers.
  const routing = await followRouting({ path: config.ROUTING_FILE, log });
  const connect = (name: string, role: 'producer' | 'subscriber') =>
    connectRedis({ url: config.REDIS_URL, name, role, log });
  const redis = connect('gateway-api', 'producer');
  const subscriber = connect('gateway-api-subscriber', 'subscriber');
  await Promise.all([whenReady(redis), whenReady(subscriber)]);
  const redisWarnings = await reportRedisServer(redis, log);

  const drain = { begun: false };
  const deps = await composeApi({
    config,
    authMode,
    log,
    redis,
    subscriber,
    redisWarnings,
    routing,
    isDraining: () => drain.begun,
  });
  const app = await buildApp(deps);
  await app.listen({ host: config.HOST, port: config.PORT });
  const pump = openPump(deps, generationEndpoints);
  pump.start();
  const url = urlOf(app, config.HOST);
  log.info({ event: 'api_ready', url, auth_mode: authMode }, 'api ready');

  return {
    url,
    async close() {
      drain.begun = true;
      routing.close();
      await Promise.all([pump.close(), finishRequests(app, deps, config.DRAIN_MS, log)]);
      await Promise.race([
        Promise.allSettled([...deps.queues().map((queue) => queue.close()), deps.database.destroy()]),
        pause(1000),
      ]);
      await Promise.all([closeRedis(redis), closeRedis(subscriber), deps.counter.close()]);
      log.info({ event: 'api_stopped' }, 'api stopped');
    },
  };
}

// Of the drain time, what is kept back for answering those whose wait is cut short.
const lastWordsMs = 1000;

/** Takes no more connections, lets waiting requests finish, and at the end of the drain time tells the rest to come back. */
async function finishRequests(app: FastifyInstance, deps: ApiDeps, drainMs: number, log: Logger): Promise<void> {
  const { admission, streams } = deps;
  const cut = setTimeout(
    () => {
      log.info(
        { event: 'drain_cut', waiting: admission.waiter.size(), streams: streams.connections.size() },
        'drain time is over: waiting requests get 503, streams end with a hint to come back',
      );
      admission.waiter.drain();
      streams.connections.drain();
    },
    Math.max(0, drainMs - lastWordsMs),
  );
  await Promise.race([app.close(), pause(drainMs)]);
  clearTimeout(cut);
  closeDelivery(deps);
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());

function urlOf(app: FastifyInstance, host: string): string {
  const { port } = app.server.address() as AddressInfo;
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${shown}:${port}`;
}
