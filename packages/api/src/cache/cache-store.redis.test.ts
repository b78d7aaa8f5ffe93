import '@llm-gateway/testkit/provided-context';
import { createHash, randomUUID } from 'node:crypto';
import { parseCacheMember } from '@llm-gateway/shared/cache/cache-entry';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { createKeeper, type KeptAnswer } from '../test/keep-answer.ts';
import { type CacheFilter, type CacheStore, createCacheStore } from './cache-store.ts';

let redis: Redis;
let keys: Keys;
let store: CacheStore;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(() => {
  keys = createKeys(`test-${randomUUID()}`);
  store = createCacheStore(redis, keys);
});
afterAll(() => redis.quit());

const digestOf = (name: string) => createHash('sha256').update(name).digest('hex');

const keep = (name: string, changes: Partial<KeptAnswer> = {}) =>
  createKeeper(
    redis,
    keys,
  )({
    digest: digestOf(name),
    tenant: 'acme',
    user: 'ann',
    answer: '{}',
    ttlMs: 60_000,
    target: 'openai/gpt-4o',
    job: `job_${name}`,
    state: 'completed',
    costNanoUsd: '97500',
    ...changes,
  });

const isKept = async (name: string) => (await redis.exists(keys.cacheEntry(digestOf(name)))) === 1;

/** What time does to entries: they are gone, and the index has yet to hear of it. */
async function expire(...digests: string[]): Promise<void> {
  for (const member of await redis.zrange(keys.cacheIndex, '0', '-1')) {
    const { digest } = parseCacheMember(member);
    if (!digests.includes(digest)) continue;
    await redis.del(keys.cacheEntry(digest));
    await redis.zadd(keys.cacheIndex, '1', member);
  }
}

const nothing = { entries: 0, hits: 0, misses: 0, coalesced: 0, bytes: 0, savedNanoUsd: 0n };

describe('the figures of a tenant', () => {
  test('are its own, and those of all are the sum', async () => {
    await keep('a1');
    await keep('a2');
    await keep('b1', { tenant: 'globex' });
    const [acme, globex, all] = [await store.stats('acme'), await store.stats('globex'), await store.stats()];
    expect(acme).toMatchObject({ entries: 2, bytes: 2 * globex.bytes - 2 * 'globex'.length + 2 * 'acme'.length });
    expect(globex).toMatchObject({ entries: 1 });
    expect(all).toEqual({ ...nothing, entries: 3, bytes: acme.bytes + globex.bytes });
    expect(await store.stats('initech')).toEqual(nothing);
  });

  test('do not count what has expired, however much it is', async () => {
    const digests: string[] = [];
    for (let count = 0; count < 1100; count += 1) {
      digests.push(digestOf(`n${count}`));
      await keep(`n${count}`, { tenant: count % 2 === 0 ? 'acme' : 'globex' });
    }
    await keep('left');
    await expire(...digests);
    expect(await store.stats('globex')).toEqual(nothing);
    expect(await store.stats('acme')).toMatchObject({ entries: 1 });
    expect(await store.stats()).toMatchObject({ entries: 1, bytes: (await store.stats('acme')).bytes });
  });

  test('are exact beyond what a double can hold', async () => {
    await redis.hset(keys.cacheStats('acme'), 'savedNanoUsd', '9007199254740993');
    expect((await store.stats('acme')).savedNanoUsd).toBe(9_007_199_254_740_993n);
  });
});

describe('clearing', () => {
  const kept: Record<string, Partial<KeptAnswer>> = {
    plain: {},
    mini: { target: 'openai/gpt-4o-mini' },
    blue: { namespace: 'blue' },
    bobs: { user: 'bob' },
    'bobs blue mini': { user: 'bob', namespace: 'blue', target: 'openai/gpt-4o-mini' },
  };
  const names = Object.keys(kept);
  test.for<[CacheFilter, string[]]>([
    [{}, []],
    [{ model: 'openai/gpt-4o' }, ['mini', 'bobs blue mini']],
    [{ namespace: 'blue' }, ['plain', 'mini', 'bobs']],
    [{ userId: 'bob' }, ['plain', 'mini', 'blue']],
    [{ userId: 'bob', namespace: 'blue' }, ['plain', 'mini', 'blue', 'bobs']],
    [{ userId: 'ann', model: 'openai/gpt-4o' }, ['mini', 'bobs', 'bobs blue mini']],
    [{ userId: 'ann', model: 'openai/gpt-4o', namespace: 'red' }, names],
    [{ userId: 'carl' }, names],
  ])('%o leaves %o, and all of another tenant', async ([filter, left]) => {
    for (const [name, changes] of Object.entries(kept)) {
      await keep(name, changes);
      await keep(`other ${name}`, { ...changes, tenant: 'globex' });
    }
    expect(await store.clear('acme', filter)).toBe(names.length - left.length);
    const found: string[] = [];
    for (const name of names) if (await isKept(name)) found.push(name);
    expect(found).toEqual(left);
    for (const name of names) expect(await isKept(`other ${name}`)).toBe(true);
    const [acme, globex, all] = [await store.stats('acme'), await store.stats('globex'), await store.stats()];
    expect([acme.entries, globex.entries]).toEqual([left.length, names.length]);
    expect(all).toMatchObject({ entries: left.length + names.length, bytes: acme.bytes + globex.bytes });
  });

  test('takes many steps where there is much', async () => {
    for (let count = 0; count < 1300; count += 1) {
      await keep(`n${count}`, { tenant: count % 13 === 0 ? 'globex' : 'acme' });
    }
    expect(await store.clear('acme')).toBe(1200);
    expect(await store.stats('acme')).toEqual(nothing);
    expect(await store.stats()).toMatchObject({ entries: 100 });
  });

  test('strikes off what had expired by itself, without counting it', async () => {
    await keep('gone');
    await keep('there');
    await expire(digestOf('gone'));
    expect(await store.clear('acme')).toBe(1);
    expect(await redis.zcard(keys.cacheIndex)).toBe(0);
    expect(await store.stats('acme')).toEqual(nothing);
  });

  test('knows the tenant of an entry whose member does not say it, from before members did', async () => {
    for (const tenant of ['acme', 'globex']) {
      await redis.hset(keys.cacheEntry(digestOf(tenant)), { tenant, target: 'openai/gpt-4o', namespace: '' });
      await redis.zadd(keys.cacheIndex, Date.now() + 60_000, `400:${digestOf(tenant)}`);
      await redis.hincrby(keys.cacheStats(), 'bytes', 400);
    }
    expect(await store.clear('acme', { userId: 'ann' })).toBe(0);
    expect(await store.clear('acme')).toBe(1);
    expect([await isKept('acme'), await isKept('globex')]).toEqual([false, true]);
    expect(await store.stats()).toEqual({ ...nothing, entries: 1, bytes: 400 });
    expect(await store.stats('acme')).toEqual(nothing);
  });
});
