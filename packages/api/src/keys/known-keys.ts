import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { createRecordCache } from '../auth/record-cache.ts';
import type { ApiKey } from './api-key.ts';
import { digestOfSecret } from './key-secret.ts';

export interface KnownKeysOptions {
  redis: Redis;
  keys: Keys;
  cacheMs: number;
  find: (id: string) => Promise<ApiKey | undefined>;
}

export interface ReadOptions {
  /** Reads the record anew, which holds for whoever asks for the key next. */
  isFresh?: boolean;
}

/** What this process knows of keys without asking for every request. Throws `dependency_down`. */
export function createKnownKeys({ redis, keys, cacheMs, find }: KnownKeysOptions) {
  const records = createRecordCache({ read: find, ttlMs: cacheMs });
  const ids = createRecordCache({
    read: async (digest) => (await callRedis(() => redis.get(keys.apiKeyDigest(digest)))) ?? undefined,
    ttlMs: cacheMs,
  });

  return {
    get: records.get,

    async ofSecret(secret: string, { isFresh = false }: ReadOptions = {}): Promise<ApiKey | undefined> {
      const digest = digestOfSecret(secret);
      const id = await ids.get(digest);
      if (isFresh && id !== undefined) records.drop(id);
      const key = id === undefined ? undefined : await records.get(id);
      // The record has the last word: what is known of the digest may be older.
      return key && [key.digest, key.previousDigest].includes(digest) ? key : undefined;
    },

    /** To be called when this process has changed a key. */
    drop: records.drop,
  };
}
