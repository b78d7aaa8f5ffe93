import { cacheIndexLua, parseCacheMember } from '@llm-gateway/shared/cache/cache-entry';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import type { Redis } from 'ioredis';

export interface CacheStats {
  entries: number;
  hits: number;
  misses: number;
  /** Requests that shared the provider call of an equal one in flight. */
  coalesced: number;
  /** Memory that the entries take. */
  bytes: number;
  /** What the answers that were given out again had cost, as often as that was. */
  savedNanoUsd: bigint;
}

/** Of several members, each has to match. */
export interface CacheFilter {
  /** Our id of the model. */
  model?: string | undefined;
  namespace?: string | undefined;
  /** Whose job brought the answer. */
  userId?: string | undefined;
}

export interface CacheStore {
  /** Of a tenant, or of all. */
  stats(tenantId?: string): Promise<CacheStats>;
  /** Drops a tenant's stored answers, or those that the filter names; says how many there were. */
  clear(tenantId: string, filter?: CacheFilter): Promise<number>;
}

// Members looked at per step: a large cache is cleared in many short steps and never blocks Redis.
const stepSize = 500;

/** The stored answers as a whole. Throws `dependency_down` where Redis is out of reach. */
export function createCacheStore(redis: Redis, keys: Keys): CacheStore {
  const script = (file: string) =>
    defineScript(redis, [keys.lua, cacheIndexLua, loadLua(import.meta.url, file)].join('\n'));
  const dropScript = script('./cache-drop.lua');
  const figuresScript = script('./cache-figures.lua');

  async function drop(tenantId: string, { model, namespace, userId }: CacheFilter, members: string[]): Promise<number> {
    // Of members that name no tenant, their entries do.
    const found = members
      .map((member) => ({ member, ...parseCacheMember(member) }))
      .filter((one) => one.tenantId === undefined || one.tenantId === tenantId);
    if (found.length === 0) return 0;
    const dropped = await dropScript(
      found.map(({ digest }) => keys.cacheEntry(digest)),
      [tenantId, model ?? '', namespace ?? '', userId ?? '', ...found.map(({ member }) => member)],
    );
    return Number(dropped);
  }

  return {
    async stats(tenantId) {
      let figures: [number, ...string[]] | undefined;
      while (!figures?.length) {
        const reply = await figuresScript([keys.cacheIndex, keys.cacheStats(tenantId)], [tenantId ?? '']);
        figures = reply as [number, ...string[]];
      }
      const [entries, ...pairs] = figures;
      const { hits, misses, coalesced, bytes, savedNanoUsd } = pairsToHash(pairs);
      return {
        entries,
        hits: Number(hits ?? 0),
        misses: Number(misses ?? 0),
        coalesced: Number(coalesced ?? 0),
        bytes: Number(bytes ?? 0),
        savedNanoUsd: BigInt(savedNanoUsd ?? 0),
      };
    },

    clear: (tenantId, filter = {}) =>
      callRedis(async () => {
        let cleared = 0;
        let cursor = '0';
        do {
          const [next, members] = await redis.zscan(keys.cacheIndex, cursor, 'COUNT', stepSize);
          cursor = next;
          cleared += await drop(
            tenantId,
            filter,
            members.filter((_, position) => position % 2 === 0),
          );
        } while (cursor !== '0');
        return cleared;
      }),
  };
}
