import { join } from 'node:path';
import { type Keeper, keepServer } from '../servers/keep-server.ts';
import type { Server } from '../servers/server-program.ts';
import { fromEnv } from './from-env.ts';
import { startPrivateRedis } from './start-private-redis.ts';

/**
 * REDIS_URL, else a private server: a binary on the PATH, Debian packages unpacked without root, a container.
 * Whatever else listens on localhost:6379 may be somebody's data and is left alone.
 */
export async function findRedis({ dataDir }: { dataDir: string }, keeper: Keeper): Promise<Server> {
  const url = process.env.REDIS_URL?.trim();
  if (url) return fromEnv(url);
  const dir = join(dataDir, 'redis');
  const first = await startPrivateRedis({ dir });
  const startAgain = () => startPrivateRedis({ dir, port: first.port });
  return keepServer(first, { ...keeper, name: 'Redis', startAgain });
}
