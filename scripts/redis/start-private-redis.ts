import { join, resolve } from 'node:path';
import { freePort } from '../free-port.ts';
import { fromContainer } from './from-container.ts';
import { fromDebs } from './from-debs.ts';
import { fromPath } from './from-path.ts';
import { adoptServer, type PrivateServer, startServer } from './private-server.ts';
import type { Leg } from './redis-program.ts';

export type LegName = 'path' | 'debs' | 'container';

/** Not below DATA_DIR: programs are no data, and one copy serves every data folder of this checkout. */
const debsCache = resolve(import.meta.dirname, '../../.data/redis-server');

const legs: Record<LegName, Leg> = {
  path: fromPath,
  debs: () => fromDebs(debsCache),
  container: fromContainer,
};

interface PrivateRedisOptions {
  /** Data, state and log of this server; starting again on the same folder keeps data and password. */
  dir: string;
  port?: number | undefined;
  legs?: LegName[] | undefined;
}

/** Starts a server of our own on `dir`, or takes over the one an earlier start left running there. */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateServer> {
  const dir = resolve(options.dir);
  const left = await adoptServer(dir);
  if (left) return left;
  const tried: string[] = [];
  for (const name of options.legs ?? (['path', 'debs', 'container'] as const)) {
    const program = await legs[name]();
    if (typeof program === 'string') {
      tried.push(program);
      continue;
    }
    try {
      return await startServer(program, { dir, port: options.port ?? (await freePort()) });
    } catch (error) {
      tried.push(`${program.how}: ${(error as Error).message} (log: ${join(dir, 'redis.log')})`);
    }
  }
  throw new Error(noRedis(tried));
}

function noRedis(tried: string[]): string {
  return `No Redis found and none could be started. Tried:
${tried.map((reason) => `  - ${reason}`).join('\n')}
Do one of these and start again:
  - set REDIS_URL to a Redis >= 6.2 (in the environment or in .env)
  - install one: apt-get install redis-server, or brew install redis
  - start Docker or Podman`;
}
