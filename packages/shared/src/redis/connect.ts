import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from '../observability/logger.ts';
import { throttle } from '../observability/throttle.ts';

export interface ConnectOptions {
  url: string;
  /** Shown by CLIENT LIST, so that an operator knows whose connection it is. */
  name: string;
  /**
   * `producer`: a caller waits, so a Redis that is down is told at once and one that hangs within a second.
   * `worker`: work is in hand that must not be lost, so commands wait until Redis is back.
   * `subscriber`: holds subscriptions and renews them itself after a reconnect.
   */
  role: 'producer' | 'worker' | 'subscriber';
  log: Logger;
}

// ioredis 6 types `replyMapping` so that RedisOptions is not assignable to its own constructor under exactOptionalPropertyTypes.
type Options = Omit<RedisOptions, 'replyMapping'>;

const byRole: Record<ConnectOptions['role'], Options> = {
  producer: {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 1000,
    retryStrategy: () => 250,
  },
  // No command timeout: an ended wait would give up a commit that may have happened (see callRedis).
  worker: { maxRetriesPerRequest: null, retryStrategy: (times) => Math.min(250 * 2 ** times, 2000) },
  subscriber: { maxRetriesPerRequest: null, autoResubscribe: true, retryStrategy: () => 250 },
};

/** Opens a connection in the background; `ready` tells when it serves. Errors are logged, at most one line a second. */
export function connectRedis({ url, name, role, log }: ConnectOptions): Redis {
  const options: Options = {
    connectionName: name,
    connectTimeout: 2000,
    keepAlive: 10_000,
    // A replica that was promoted away refuses writes until the client reconnects to the new primary.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    ...byRole[role],
  };
  const redis = new Redis(url, options);
  const report = throttle(1000, (error: Error, skipped: number) =>
    log.error({ event: 'redis_error', connection: name, error: error.message, skipped }, 'redis connection error'),
  );
  redis.on('error', report);
  return redis;
}

/** Ends a connection without waiting for a Redis that may be gone: QUIT would wait for ever. */
export async function closeRedis(redis: Redis, timeoutMs = 1000): Promise<void> {
  if (redis.status === 'end') return;
  const quit = redis.status === 'ready' ? redis.quit().catch(() => undefined) : Promise.resolve();
  await Promise.race([quit, new Promise((resolve) => setTimeout(resolve, timeoutMs).unref())]);
  redis.disconnect();
}

/** Resolves when the connection serves. Throws after `timeoutMs`, for a start that should fail clearly. */
export async function whenReady(redis: Redis, timeoutMs = 30_000): Promise<void> {
  if (redis.status === 'ready') return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new Error(`Redis did not answer within ${timeoutMs / 1000} s; is REDIS_URL right, and is it up?`)),
    timeoutMs,
  );
  redis.once('ready', resolve);
  await promise.finally(() => {
    clearTimeout(timer);
    redis.off('ready', resolve);
  });
}
