import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeKeyId, timeOfId } from '@llm-gateway/shared/contracts/ids';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { type Walk, walkIndex } from '../jobs/walk-index.ts';
import { defaultTenant } from '../tenants/tenant.ts';
import { type ApiKey, apiKey, type KeyWishes } from './api-key.ts';
import { digestOfSecret, hintOfSecret, makeKeySecret } from './key-secret.ts';
import { createKnownKeys, type ReadOptions } from './known-keys.ts';

/** A key with a secret that was made just now and is told this once. */
export interface FreshKey {
  key: ApiKey;
  secret: string;
}

/** An undefined member is unset. */
export type KeyChanges = { [Member in keyof KeyWishes]?: KeyWishes[Member] | undefined };

/** Throws where a key may not be touched: it is asked about the very record that is replaced, and about what a change makes of it. */
export type CheckKey = (key: ApiKey) => void;

/** API keys. Everything throws `dependency_down`; what replaces a record throws `conflict` for a key that is revoked. */
export interface ApiKeys {
  /**
   * Undefined where the tenant is not there. Throws `conflict` where it has `countMax` keys already, with those that are
   * revoked: their records stay.
   */
  create(wishes: KeyWishes, countMax?: number): Promise<FreshKey | undefined>;
  find(id: string): Promise<ApiKey | undefined>;
  /** A part of a tenant's keys, the newest first, and whether there are more. */
  page(tenantId: string, limit: number, after: string | undefined): Promise<{ keys: ApiKey[]; hasMore: boolean }>;
  /** Gives the changed key; undefined where there is none. */
  change(id: string, changes: KeyChanges, check: CheckKey): Promise<ApiKey | undefined>;
  /** Gives the key a new secret. The one before works for `overlapMs` more, the one before that no longer. */
  rotate(id: string, overlapMs: number, check: CheckKey): Promise<FreshKey | undefined>;
  /** Ends a key for good; its record stays. One that was revoked before stays as it is. */
  revoke(id: string, check: CheckKey): Promise<ApiKey | undefined>;
  /** The key as this process knows it: a change by another one is seen after the cache's time at the latest. */
  known(id: string): Promise<ApiKey | undefined>;
  /** The key that a secret opens, as this process knows it, or as it is now; be it revoked or expired. */
  ofSecret(secret: string, options?: ReadOptions): Promise<ApiKey | undefined>;
}

/** For how long the digest of a secret finds its key from now on, in ms; -1: for ever. */
type DigestLives = [digest: string, leftMs: number][];

interface Step {
  after: ApiKey;
  lives?: DigestLives;
}

const parse = (text: string): ApiKey => apiKey.parse(JSON.parse(text));

export interface ApiKeysOptions {
  redis: Redis;
  keys: Keys;
  cacheMs: number;
}

interface UpdateOptions extends Pick<ApiKeysOptions, 'redis' | 'keys'> {
  read: (id: string) => Promise<string | null>;
  known: ReturnType<typeof createKnownKeys>;
}

/** Steps from the record that is there to the next one, as often as it takes to be the only one who does. */
function createUpdate({ redis, keys, read, known }: UpdateOptions) {
  const replaceScript = defineScript(redis, loadLua(import.meta.url, './replace-key.lua'));
  return async (id: string, step: (before: ApiKey) => Step): Promise<ApiKey | undefined> => {
    for (;;) {
      const text = await read(id);
      if (text === null) return undefined;
      const { after, lives = [] } = step(parse(text));
      const next = JSON.stringify(after);
      const digests = lives.map(([digest]) => digest);
      const isReplaced = await replaceScript(
        [keys.apiKey(id), ...digests.map(keys.apiKeyDigest)],
        [id, text, next, ...lives.map(([, leftMs]) => leftMs)],
      );
      if (isReplaced !== 1) continue;
      known.drop(id);
      return after;
    }
  };
}

export function createApiKeys({ redis, keys, cacheMs }: ApiKeysOptions): ApiKeys {
  const createScript = defineScript(redis, loadLua(import.meta.url, './create-key.lua'));
  const read = (id: string) => callRedis(() => redis.get(keys.apiKey(id)));

  async function find(id: string): Promise<ApiKey | undefined> {
    const text = await read(id);
    return text === null ? undefined : parse(text);
  }

  /** The first so many keys of an index. */
  async function readAlong(walk: Walk, countMax: number): Promise<ApiKey[]> {
    const found: ApiKey[] = [];
    for await (const places of walkIndex(redis, walk)) {
      const texts = await callRedis(() => redis.mget(places.map(({ id }) => keys.apiKey(id))));
      found.push(...texts.flatMap((text) => (text === null ? [] : [parse(text)])));
      if (found.length >= countMax) break;
    }
    return found;
  }

  const known = createKnownKeys({ redis, keys, cacheMs, find });

  const update = createUpdate({ redis, keys, read, known });

  return {
    find,
    known: known.get,
    ofSecret: known.ofSecret,

    async create(wishes, countMax) {
      const secret = makeKeySecret();
      const [id, digest] = [makeKeyId(), digestOfSecret(secret)];
      const key: ApiKey = { ...wishes, id, digest, hint: hintOfSecret(secret), createdMs: Date.now() };
      const { tenant } = key;
      const outcome = await createScript(
        [keys.apiKey(id), keys.apiKeyDigest(digest), keys.apiKeys(tenant), keys.tenants],
        [id, JSON.stringify(key), timeOfId(id), tenant, defaultTenant, countMax ?? -1],
      );
      if (outcome === 'full') {
        throw new GatewayError({ code: 'conflict', detail: `The tenant has ${countMax} API keys already.` });
      }
      return outcome === 'kept' ? { key, secret } : undefined;
    },

    async page(tenantId, limit, after) {
      const from = after === undefined ? undefined : { id: after, createdMs: timeOfId(after) };
      const walk = { key: keys.apiKeys(tenantId), direction: 'older' as const, from, chunk: limit + 1 };
      const found = await readAlong(walk, limit + 1);
      return { keys: found.slice(0, limit), hasMore: found.length > limit };
    },

    change: (id, changes, check) =>
      update(id, (before) => {
        check(before);
        refuseRevoked(before);
        const after = changed(before, changes);
        check(after);
        return { after };
      }),

    async rotate(id, overlapMs, check) {
      const secret = makeKeySecret();
      const key = await update(id, (before) => {
        check(before);
        refuseRevoked(before);
        return rotated(before, secret, overlapMs);
      });
      return key && { key, secret };
    },

    revoke: (id, check) =>
      update(id, (before) => {
        check(before);
        return before.revokedMs === undefined ? revoked(before) : { after: before };
      }),
  };
}

function refuseRevoked({ id, revokedMs }: ApiKey): void {
  if (revokedMs !== undefined) throw new GatewayError({ code: 'conflict', detail: `The key ${id} is revoked.` });
}

function rotated(before: ApiKey, secret: string, overlapMs: number): Step {
  const digest = digestOfSecret(secret);
  // The command that did it was resent after its reply was lost.
  if (before.digest === digest) return { after: before };
  const { previousDigest, ...rest } = before;
  return {
    after: {
      ...rest,
      digest,
      hint: hintOfSecret(secret),
      rotatedMs: Date.now(),
      ...(overlapMs > 0 ? { previousDigest: before.digest } : {}),
    },
    lives: [
      [digest, -1],
      [before.digest, overlapMs],
      ...(previousDigest === undefined ? [] : [[previousDigest, 0] as [string, number]]),
    ],
  };
}

function revoked(before: ApiKey): Step {
  const digests = [before.digest, ...(before.previousDigest === undefined ? [] : [before.previousDigest])];
  return {
    after: { ...before, revokedMs: Date.now() },
    lives: digests.map((digest) => [digest, 0]),
  };
}

/** The record with some members replaced; those that are undefined are not there any more. */
const changed = (before: ApiKey, changes: KeyChanges): ApiKey => parse(JSON.stringify({ ...before, ...changes }));
