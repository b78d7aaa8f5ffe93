import { join } from 'node:path';
import { fromEnv } from './from-env.ts';
import type { RedisServer } from './redis-program.ts';
import { startPrivateRedis } from './start-private-redis.ts';

/**
 * REDIS_URL, else a private server: a binary on the PATH, Debian packages unpacked without root, a container.
 * Whatever else listens on localhost:6379 may be somebody's data and is left alone.
 */
export async function findRedis({ dataDir }: { dataDir: string }): Promise<RedisServer> {
  const url = process.env.REDIS_URL;
  return url ? fromEnv(url) : startPrivateRedis({ dir: join(dataDir, 'redis') });
}
