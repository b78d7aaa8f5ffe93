import { digestOfMember } from '@llm-gateway/shared/cache/cache-entry';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

export interface CacheStats {
  entries: number;
  hits: number;
  misses: number;
  /** Requests that shared the provider call of an equal one in flight. */
  coalesced: number;
  bytes: number;
}

export interface CacheFilter {
  model?: string | undefined;
  namespace?: string | undefined;
}

export interface CacheStore {
  stats(): Promise<CacheStats>;
  /** Drops a tenant's stored answers, or those that the filter names; says how many there were. */
  clear(tenantId: string, filter: CacheFilter): Promise<number>;
}

// Members looked at per step: a large cache is cleared in many short steps and never blocks Redis.
const stepSize = 500;

export function createCacheStore(redis: Redis, keys: Keys): CacheStore {
  const dropScript = defineScript(redis, loadLua(import.meta.url, './cache-drop.lua'));

  return {
    stats: () =>
      callRedis(async () => {
        const [[hits, misses, coalesced, bytes], entries] = await Promise.all([
          redis.hmget(keys.cacheStats, 'hits', 'misses', 'coalesced', 'bytes'),
          redis.zcount(keys.cacheIndex, Date.now(), '+inf'),
        ]);
        return {
          entries,
          hits: Number(hits ?? 0),
          misses: Number(misses ?? 0),
          coalesced: Number(coalesced ?? 0),
          bytes: Number(bytes ?? 0),
        };
      }),

    clear: (tenantId, { model, namespace }) =>
      callRedis(async () => {
        let cleared = 0;
        let cursor = '0';
        do {
          const [next, members] = await redis.zscan(keys.cacheIndex, cursor, 'COUNT', stepSize);
          cursor = next;
          const found = members.filter((_, position) => position % 2 === 0);
          if (found.length === 0) continue;
          const entries = found.map((member) => keys.cacheEntry(digestOfMember(member)));
          cleared += Number(
            await dropScript(
              [keys.cacheIndex, keys.cacheStats, ...entries],
              [tenantId, model ?? '', namespace ?? '', ...found],
            ),
          );
        } while (cursor !== '0');
        return cleared;
      }),
  };
}
