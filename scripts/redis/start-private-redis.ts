import { resolve } from 'node:path';
import type { PrivateServer } from '../servers/private-server.ts';
import type { Leg } from '../servers/server-program.ts';
import { startPrivate } from '../servers/start-private.ts';
import { fromContainer } from './from-container.ts';
import { fromDebs } from './from-debs.ts';
import { fromPath } from './from-path.ts';
import { redisKind } from './redis-kind.ts';

export type LegName = 'path' | 'debs' | 'container';

/** Not below DATA_DIR: programs are no data, and one copy serves every data folder of this checkout. */
const debsCache = resolve(import.meta.dirname, '../../.data/redis-server');

const legs: Record<LegName, Leg> = {
  path: fromPath,
  debs: () => fromDebs(debsCache),
  container: fromContainer,
};

const advice = [
  'set REDIS_URL to a Redis >= 6.2 (in the environment or in .env)',
  'install one: apt-get install redis-server, or brew install redis',
  'start Docker or Podman',
];

interface PrivateRedisOptions {
  /** Data, state and log of this server; starting again on the same folder keeps data and password. */
  dir: string;
  port?: number | undefined;
  legs?: LegName[] | undefined;
}

/** Starts a server of our own on `dir`, or takes over the one an earlier start left running there. */
export function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateServer> {
  const names = options.legs ?? ['path', 'debs', 'container'];
  return startPrivate(redisKind, {
    dir: resolve(options.dir),
    port: options.port,
    legs: names.map((name) => legs[name]),
    advice,
  });
}
