import { type CacheEntry, cacheEntry } from '@llm-gateway/shared/cache/cache-entry';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeRequestId } from '@llm-gateway/shared/contracts/ids';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import type { Redis } from 'ioredis';
import { openCachedRow } from './cached-row.ts';
import { digestOf } from './canonical-json.ts';
import type { Targets } from './fit-targets.ts';
import type { GenerationRequest } from './generation-request.ts';

export interface CacheHit {
  entry: CacheEntry;
  ageMs: number;
  ttlMs: number;
}

/** What the cache says to a request, and where the answer shall be kept if it has none. */
export interface CacheVerdict {
  hit?: CacheHit;
  /** Why there is no hit, in the terms of RFC 9211. */
  forwarded?: 'miss' | 'request' | 'bypass';
  /** Absent when the answer must not be kept. */
  store?: { digest: string; ttlMs: number; namespace?: string | undefined };
}

export interface LookOptions {
  /** Whether a hit is all that comes of the request, so that its row of the ledger is written with it. */
  booksHit: boolean;
}

export interface CacheLookup {
  /** Throws `cache_miss` for a client that wants a stored answer or none. */
  look(request: GenerationRequest, targets: Targets, options: LookOptions): Promise<CacheVerdict>;
}

export interface CacheLookupOptions {
  redis: Redis;
  keys: Keys;
  ttlMs: number;
}

/**
 * Equal requests of one tenant share an answer for a while. Equal means: everything that changes the answer is equal.
 * The digest covers the whole generation, so a parameter added to it later cannot be forgotten here.
 */
export function createCacheLookup({ redis, keys, ttlMs }: CacheLookupOptions): CacheLookup {
  const lookScript = defineScript(redis, loadLua(import.meta.url, './cache-look.lua'));

  async function find(
    digest: string,
    request: GenerationRequest,
    model: ResolvedModel,
    { booksHit }: LookOptions,
  ): Promise<CacheHit | undefined> {
    const { tenantId, cache } = request;
    const { noCache, maxAgeS, minFreshS } = cache;
    if (noCache) return undefined;
    const [remainingMs, ageMs, ...parts] = (await lookScript(
      [keys.cacheEntry(digest), keys.cacheStats(), keys.cacheStats(tenantId), keys.ledger],
      [
        maxAgeS === undefined ? -1 : maxAgeS * 1000,
        (minFreshS ?? 0) * 1000,
        // Not the id of the request: clients choose that, and two rows of one name would be one.
        booksHit ? JSON.stringify(openCachedRow(makeRequestId(), request, model)) : '',
      ],
    )) as [number, number, ...string[]];
    if (parts.length === 0) return undefined;
    return { entry: cacheEntry.parse(pairsToHash(parts)), ageMs, ttlMs: remainingMs };
  }

  return {
    look: (request, [model, ...fallbacks], options) =>
      callRedis(async () => {
        const { cache, tenantId, generation } = request;
        const ownTtlMs = cache.ttlS === undefined ? ttlMs : cache.ttlS * 1000;
        // Switched off by the operator, no client can switch it on.
        const isOn = ttlMs > 0 && cache.mode !== 'off' && ownTtlMs > 0;
        const digest = digestOf({ tenantId, namespace: cache.namespace, ...named(model, fallbacks), generation });
        const hit = isOn ? await find(digest, request, model, options) : undefined;
        if (hit) return { hit };
        if (cache.onlyIfCached) {
          throw new GatewayError({ code: 'cache_miss', detail: 'No fresh answer to this request is stored.' });
        }
        return {
          forwarded: !isOn ? 'bypass' : cache.noCache ? 'request' : 'miss',
          ...(isOn && !cache.noStore ? { store: { digest, ttlMs: ownTtlMs, namespace: cache.namespace } } : {}),
        };
      }),
  };
}

/** The answer of a fallback is not one of the model in whose place it was given: others have not asked for it. */
const named = (model: ResolvedModel, fallbacks: readonly ResolvedModel[]) => ({
  model: model.id,
  ...(fallbacks.length === 0 ? {} : { fallbacks: fallbacks.map(({ id }) => id) }),
});
