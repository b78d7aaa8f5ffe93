import { cachePutLua } from '@llm-gateway/shared/cache/cache-entry';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

/** An answer for the cache, as a worker leaves it there. */
export interface KeptAnswer {
  digest: string;
  tenant: string;
  user: string;
  /** JSON. */
  answer: string;
  ttlMs: number;
  target: string;
  namespace?: string | undefined;
  job: string;
  state: 'completed' | 'incomplete';
  costNanoUsd: string | null;
}

/** Puts answers into the cache by the script that workers use. */
export function createKeeper(redis: Redis, keys: Keys, cacheMaxBytes = 1e9) {
  const putScript = defineScript(
    redis,
    `${keys.lua}
     ${cachePutLua}
     cache_put({ tenant = ARGV[1], user = ARGV[2] }, ARGV[3], cjson.decode(ARGV[4]), tonumber(ARGV[5]))`,
  );

  return async ({ digest, tenant, user, answer, ttlMs, ...kept }: KeptAnswer, nowMs = Date.now()): Promise<void> => {
    const { target, namespace = '', job, state } = kept;
    const fields = { target, namespace, job, state, costNanoUsd: kept.costNanoUsd ?? '' };
    const entry = { digest, ttl_ms: ttlMs, max_bytes: cacheMaxBytes, fields: Object.entries(fields).flat() };
    await putScript([keys.cacheIndex], [tenant, user, answer, JSON.stringify(entry), nowMs]);
  };
}
