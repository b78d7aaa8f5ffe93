import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { callRedis } from './call-redis.ts';

/** Reads the `.lua` file beside the module that calls it. */
export const loadLua = (moduleUrl: string, file: string): string => readFileSync(new URL(file, moduleUrl), 'utf8');

export type RunScript = (keys: string[], args: (string | number)[]) => Promise<unknown>;

/**
 * A Lua script as a function. It runs by its digest and sends its text only to a server that does not know it yet
 * (after a restart, a failover or SCRIPT FLUSH). Throws `dependency_down` where Redis is out of reach.
 */
export function defineScript(redis: Redis, lua: string): RunScript {
  const sha = createHash('sha1').update(lua).digest('hex');
  return (keys, args) =>
    callRedis(async () => {
      try {
        return await redis.evalsha(sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return redis.eval(lua, keys.length, ...keys, ...args);
      }
    });
}
