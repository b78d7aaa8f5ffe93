import '@llm-gateway/testkit/provided-context';
import { createHash, randomUUID } from 'node:crypto';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { emptyTenant } from '../tenants/tenant.ts';
import { createTenants, type Tenants } from '../tenants/tenants.ts';
import type { ApiKey, KeyWishes } from './api-key.ts';
import { type ApiKeys, createApiKeys, type FreshKey } from './api-keys.ts';

let redis: Redis;
let keys: Keys;
let apiKeys: ApiKeys;
let tenants: Tenants;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(() => {
  keys = createKeys(`test-${randomUUID()}`);
  apiKeys = createApiKeys({ redis, keys, cacheMs: 60_000 });
  tenants = createTenants({ redis, keys, cacheMs: 60_000 });
});
afterAll(() => redis.quit());

const wishes = (changes: Partial<KeyWishes> = {}): KeyWishes => ({
  tenant: 'default',
  name: 'a key',
  scopes: ['generate', 'read'],
  limits: {},
  modelLimits: {},
  budgets: [],
  metadata: {},
  ...changes,
});

async function create(changes: Partial<KeyWishes> = {}): Promise<FreshKey> {
  const fresh = await apiKeys.create(wishes(changes));
  if (!fresh) throw new Error('there is no such tenant');
  return fresh;
}

const anybody = () => undefined;
/** As another process sees it, which has read nothing yet. */
const another = () => createApiKeys({ redis, keys, cacheMs: 60_000 });
const opens = async (secret: string, store = another()) => {
  const key = await store.ofSecret(secret);
  return key !== undefined && key.revokedMs === undefined;
};
const digest = (secret: string) => createHash('sha256').update(secret).digest('hex');

describe('a new key', () => {
  test('is found by its secret and by its id, with all that was wished', async () => {
    const wished: Partial<KeyWishes> = {
      models: ['openai/gpt-4o'],
      user: 'ann',
      limits: { requests_per_minute: 0, concurrency: 3 },
      modelLimits: { 'openai/gpt-4o': { tokens_per_minute: 1000 } },
      budgets: [{ period: 'day', limit_usd: '0.000000001', alert_percents: [50] }],
      metadata: { team: 'blue' },
      expiresMs: 4_000_000_000_000,
    };
    const { key, secret } = await create(wished);
    expect(key).toMatchObject(wishes(wished));
    expect(key.hint).toBe(secret.slice(-4));
    expect(await another().ofSecret(secret)).toEqual(key);
    expect(await another().find(key.id)).toEqual(key);
  });

  test('leaves its secret nowhere: what is kept is its digest', async () => {
    const { key, secret } = await create();
    const rotated = await apiKeys.rotate(key.id, 60_000, anybody);
    const secrets = [secret, rotated?.secret ?? ''];
    const names = await redis.keys(keys.tenants.replace('tenants', '*'));
    expect(names).toHaveLength(4);
    for (const name of names) {
      const value =
        (await redis.type(name)) === 'string' ? await redis.get(name) : (await redis.zrange(name, '0', '-1')).join();
      for (const one of secrets) {
        expect(name).not.toContain(one.slice(6));
        expect(value).not.toContain(one.slice(6));
      }
    }
    expect(await redis.get(keys.apiKeyDigest(digest(secret)))).toBe(key.id);
  });

  test('belongs to a tenant that is there', async () => {
    expect(await apiKeys.create(wishes({ tenant: 'acme' }))).toBeUndefined();
    await tenants.add(emptyTenant('acme', 1));
    const { key, secret } = await create({ tenant: 'acme' });
    expect(key.tenant).toBe('acme');
    expect(await opens(secret)).toBe(true);
  });

  test.for(['', 'sk-gw-', 'sk-gw-unknown'])('"%s" opens nothing', async (secret) => {
    await create();
    expect(await apiKeys.ofSecret(secret)).toBeUndefined();
  });
});

describe('a list', () => {
  const idsOf = (page: { keys: ApiKey[] }) => page.keys.map(({ id }) => id);

  test('has the newest first, page by page, and no other tenant’s', async () => {
    await tenants.add(emptyTenant('acme', 1));
    await create({ tenant: 'acme' });
    const made: string[] = [];
    // Many in one millisecond, as a program makes them.
    for (let count = 0; count < 7; count += 1) made.unshift((await create()).key.id);

    const first = await apiKeys.page('default', 3, undefined);
    const second = await apiKeys.page('default', 3, first.keys.at(-1)?.id);
    const third = await apiKeys.page('default', 3, second.keys.at(-1)?.id);
    expect([first, second, third].flatMap(idsOf)).toEqual(made);
    expect([first, second, third].map(({ hasMore }) => hasMore)).toEqual([true, true, false]);
    expect(await apiKeys.page('default', 7, undefined)).toMatchObject({ hasMore: false });
  });

  test('has revoked ones too', async () => {
    const { key } = await create();
    await apiKeys.revoke(key.id, anybody);
    expect(idsOf(await apiKeys.page('default', 10, undefined))).toEqual([key.id]);
  });
});

describe('a rotation', () => {
  test('gives a new secret at once, and lets the old one work for a while', async () => {
    const { key, secret: old } = await create();
    const fresh = await apiKeys.rotate(key.id, 30_000, anybody);
    expect(fresh?.key).toMatchObject({ id: key.id, hint: fresh?.secret.slice(-4), rotatedMs: expect.any(Number) });
    expect(await opens(fresh?.secret ?? '')).toBe(true);
    expect(await opens(old)).toBe(true);
    const leftMs = await redis.pttl(keys.apiKeyDigest(digest(old)));
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(30_000);
    expect(await redis.pttl(keys.apiKeyDigest(digest(fresh?.secret ?? '')))).toBe(-1);
  });

  test('lets the old one work no longer than that', async () => {
    const { key, secret: old } = await create();
    await apiKeys.rotate(key.id, 1, anybody);
    await waitFor(async () => !(await opens(old)), { what: 'the old secret is over' });
  });

  test('without an overlap the old one is over at once, here too', async () => {
    const { key, secret: old } = await create();
    expect(await opens(old, apiKeys)).toBe(true);
    const fresh = await apiKeys.rotate(key.id, 0, anybody);
    expect(await opens(old, apiKeys)).toBe(false);
    expect(await opens(old)).toBe(false);
    expect(await opens(fresh?.secret ?? '', apiKeys)).toBe(true);
  });

  test('however often it is done, two secrets work at most', async () => {
    const { key, secret } = await create();
    const secrets = [secret];
    for (let round = 0; round < 4; round += 1) {
      secrets.push((await apiKeys.rotate(key.id, 60_000, anybody))?.secret ?? '');
    }
    const opened = await Promise.all(secrets.map((one) => opens(one)));
    expect(opened).toEqual([false, false, false, true, true]);
    expect(await redis.keys(keys.apiKeyDigest('*'))).toHaveLength(2);
  });

  test('of many at once, each told secret is the current one or the one before, or is over', async () => {
    const { key } = await create();
    const stores = Array.from({ length: 8 }, another);
    const fresh = await Promise.all(stores.map((store) => store.rotate(key.id, 60_000, anybody)));
    const opened = await Promise.all(fresh.map((one) => opens(one?.secret ?? '')));
    expect(opened.filter(Boolean)).toHaveLength(2);
    expect(await redis.keys(keys.apiKeyDigest('*'))).toHaveLength(2);
  });
});

describe('a revocation', () => {
  test('ends both secrets for good, and leaves the record', async () => {
    const { key, secret: old } = await create();
    const fresh = await apiKeys.rotate(key.id, 60_000, anybody);
    expect(await opens(old, apiKeys)).toBe(true);
    await apiKeys.revoke(key.id, anybody);
    for (const store of [apiKeys, another()]) {
      expect(await opens(old, store)).toBe(false);
      expect(await opens(fresh?.secret ?? '', store)).toBe(false);
    }
    expect(await redis.keys(keys.apiKeyDigest('*'))).toEqual([]);
    expect((await apiKeys.find(key.id))?.revokedMs).toEqual(expect.any(Number));
  });

  test('of a revoked key changes nothing', async () => {
    const { key } = await create();
    const first = await apiKeys.revoke(key.id, anybody);
    expect(await apiKeys.revoke(key.id, anybody)).toEqual(first);
  });

  test('a revoked key can be neither changed nor rotated', async () => {
    const { key } = await create();
    await apiKeys.revoke(key.id, anybody);
    const conflict = expect.objectContaining({ failure: expect.objectContaining({ code: 'conflict' }) });
    await expect(apiKeys.change(key.id, { name: 'b' }, anybody)).rejects.toEqual(conflict);
    await expect(apiKeys.rotate(key.id, 0, anybody)).rejects.toEqual(conflict);
    expect(await redis.keys(keys.apiKeyDigest('*'))).toEqual([]);
  });

  test('another process that knows the key hears of it within the time of its cache', async () => {
    const other = createApiKeys({ redis, keys, cacheMs: 50 });
    const { key, secret } = await create();
    expect(await opens(secret, other)).toBe(true);
    await apiKeys.revoke(key.id, anybody);
    await waitFor(async () => !(await opens(secret, other)), { what: 'the other process has heard' });
  });

  test('in the middle of changes and rotations, the key stays revoked', async () => {
    const { key, secret } = await create();
    const secrets = [secret];
    const busy = (store: ApiKeys) => async (round: number) => {
      const done = await (round % 2 === 0
        ? store.change(key.id, { name: `round ${round}` }, anybody)
        : store.rotate(key.id, 60_000, anybody)
      ).catch(() => undefined);
      if (done && 'secret' in done) secrets.push(done.secret);
    };
    const rounds = Array.from({ length: 20 }, (_, round) => busy(another())(round));
    await Promise.all([...rounds.slice(0, 10), apiKeys.revoke(key.id, anybody), ...rounds.slice(10)]);
    expect((await apiKeys.find(key.id))?.revokedMs).toEqual(expect.any(Number));
    expect(await redis.keys(keys.apiKeyDigest('*'))).toEqual([]);
    for (const one of secrets) expect(await opens(one)).toBe(false);
  });
});

describe('a change', () => {
  test('is seen at once by who made it', async () => {
    const { key, secret } = await create();
    await apiKeys.ofSecret(secret);
    await apiKeys.change(key.id, { scopes: ['read'], user: 'bob' }, anybody);
    expect(await apiKeys.ofSecret(secret)).toMatchObject({ scopes: ['read'], user: 'bob', name: 'a key' });
  });

  test('of a member to undefined takes it away', async () => {
    const { key } = await create({ user: 'ann', models: ['a'], expiresMs: 4_000_000_000_000 });
    await apiKeys.change(key.id, { user: undefined, models: undefined, expiresMs: undefined }, anybody);
    const after = await apiKeys.find(key.id);
    for (const member of ['user', 'models', 'expiresMs']) expect(after).not.toHaveProperty(member);
  });

  test('of many at once none is lost', async () => {
    const { key } = await create();
    const changes = [
      { name: 'another name' },
      { user: 'ann' },
      { limits: { concurrency: 1 } },
      { models: ['openai/gpt-4o'] },
      { metadata: { a: 'b' } },
      { scopes: ['read' as const] },
    ];
    await Promise.all(changes.map((change) => another().change(key.id, change, anybody)));
    expect(await apiKeys.find(key.id)).toMatchObject(Object.assign({}, ...changes));
  });

  test('that may not be made leaves everything as it was, whether the key or the change is at fault', async () => {
    const { key, secret } = await create({ name: 'before' });
    const refuse = (name: string) => (one: ApiKey) => {
      if (one.name === name) throw new Error(`refused ${name}`);
    };
    await expect(apiKeys.change(key.id, { name: 'after' }, refuse('before'))).rejects.toThrow('refused before');
    await expect(apiKeys.change(key.id, { name: 'after' }, refuse('after'))).rejects.toThrow('refused after');
    await expect(apiKeys.rotate(key.id, 0, refuse('before'))).rejects.toThrow('refused before');
    await expect(apiKeys.revoke(key.id, refuse('before'))).rejects.toThrow('refused before');
    expect(await apiKeys.find(key.id)).toEqual(key);
    expect(await opens(secret)).toBe(true);
  });

  test('of a key that is not there is none', async () => {
    expect(await apiKeys.change('key_0', { name: 'b' }, anybody)).toBeUndefined();
    expect(await apiKeys.rotate('key_0', 0, anybody)).toBeUndefined();
    expect(await apiKeys.revoke('key_0', anybody)).toBeUndefined();
  });
});

test('a Redis that is away is told as such, and is no unknown key', async () => {
  const away = new Redis('redis://127.0.0.1:1', {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  away.on('error', () => undefined);
  const store = createApiKeys({ redis: away, keys, cacheMs: 1000 });
  await expect(store.ofSecret('sk-gw-x')).rejects.toMatchObject({ failure: { code: 'dependency_down' } });
  away.disconnect();
});
