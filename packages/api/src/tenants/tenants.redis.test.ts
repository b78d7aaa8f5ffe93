import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { createApiKeys } from '../keys/api-keys.ts';
import { createPolicies } from './policies.ts';
import { emptyTenant, newTenantId, tenantId } from './tenant.ts';
import { createTenants, type Tenants } from './tenants.ts';

let redis: Redis;
let keys: Keys;
let tenants: Tenants;
const cacheMs = 60_000;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(() => {
  keys = createKeys(`test-${randomUUID()}`);
  tenants = createTenants({ redis, keys, cacheMs });
});
afterAll(() => redis.quit());

const add = (id: string, createdMs = 1) => tenants.add(emptyTenant(id, createdMs));
const newKey = (tenant: string) =>
  createApiKeys({ redis, keys, cacheMs }).create({
    tenant,
    name: '',
    scopes: ['read'],
    limits: {},
    modelLimits: {},
    budgets: [],
    metadata: {},
  });
const idsOf = async () => (await tenants.list()).map(({ id }) => id);

test('made ids are as given ones have to be', () => {
  const ids = Array.from({ length: 20 }, newTenantId);
  for (const id of ids) expect(tenantId.safeParse(id).success).toBe(true);
  expect(new Set(ids).size).toBe(20);
});

test.for(['', '-a', 'A', 'a_b', 'a:b', 'a{b}', 'a/b', 'ä', 'a'.repeat(64), 'a\n'])('"%s" is no id', (id) => {
  expect(tenantId.safeParse(id).success).toBe(false);
});

describe('the default tenant', () => {
  test('is there before anything is set', async () => {
    expect(await idsOf()).toEqual(['default']);
    expect(await tenants.find('default')).toEqual(emptyTenant('default', 0));
    expect(await add('default')).toBe(false);
  });

  test('can be changed, and set back', async () => {
    await tenants.change('default', { limits: { requests_per_minute: 5 } });
    expect(await tenants.find('default')).toMatchObject({ limits: { requests_per_minute: 5 } });
    expect(await idsOf()).toEqual(['default']);
    expect(await tenants.remove('default')).toBe('removed');
    expect(await tenants.remove('default')).toBe('removed');
    expect(await tenants.find('default')).toEqual(emptyTenant('default', 0));
  });
});

describe('tenants', () => {
  test('are listed with the newest first, and an id is given once', async () => {
    expect(await Promise.all([add('acme', 1), add('bolt', 3), add('core', 2)])).toEqual([true, true, true]);
    expect(await add('acme', 9)).toBe(false);
    expect(await idsOf()).toEqual(['bolt', 'core', 'acme', 'default']);
  });

  test('of changes at once none is lost', async () => {
    await add('acme');
    const changes = [{ name: 'Acme' }, { disabled: true }, { limits: { concurrency: 1 } }, { userLimits: {} }];
    await Promise.all(changes.map((change) => createTenants({ redis, keys, cacheMs }).change('acme', change)));
    expect(await tenants.find('acme')).toMatchObject({ name: 'Acme', disabled: true, limits: { concurrency: 1 } });
    expect(await tenants.change('bolt', { name: 'Bolt' })).toBeUndefined();
  });

  test('one that was removed does not come back by a change', async () => {
    await add('acme');
    await Promise.all([tenants.remove('acme'), tenants.change('acme', { name: 'b' }), tenants.change('acme', {})]);
    expect(await tenants.find('acme')).toBeUndefined();
  });

  test('one with keys stays, until the last is revoked; then nothing is left of it', async () => {
    await add('acme');
    const [first, second] = [await newKey('acme'), await newKey('acme')];
    await tenants.setUser('acme', 'ann', { limits: {} });
    const apiKeys = createApiKeys({ redis, keys, cacheMs });
    expect(await tenants.remove('acme')).toBe('used');
    await apiKeys.revoke(first?.key.id ?? '', () => undefined);
    expect(await tenants.remove('acme')).toBe('used');
    expect((await apiKeys.page('acme', 10, undefined)).keys).toHaveLength(2);
    await apiKeys.revoke(second?.key.id ?? '', () => undefined);
    expect(await tenants.remove('acme')).toBe('removed');
    expect(await tenants.remove('acme')).toBe('missing');
    expect(await redis.keys(`${keys.tenants.replace('tenants', '*')}`)).toEqual([keys.tenantsGone]);
    expect(await add('acme')).toBe(false);
  });

  test('removed while keys are made, it is either there with them or gone without', async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = `acme-${round}`;
      await add(id);
      const [made, outcome] = await Promise.all([newKey(id), tenants.remove(id)]);
      expect(outcome).toBe(made ? 'used' : 'removed');
    }
  });
});

describe('users', () => {
  test('what is set for one is found, and for no other', async () => {
    await add('acme');
    const policy = { limits: { requests_per_minute: 3 }, budgets: [] };
    expect(await tenants.setUser('acme', 'a:b/ü', policy)).toBe(true);
    expect(await tenants.findUser('acme', 'a:b/ü')).toEqual(policy);
    expect(await tenants.findUser('acme', 'a')).toBeUndefined();
    expect(await tenants.findUser('default', 'a:b/ü')).toBeUndefined();
    expect(await tenants.removeUser('acme', 'a:b/ü')).toBe(true);
    expect(await tenants.findUser('acme', 'a:b/ü')).toBeUndefined();
  });

  test('nothing is set for users of a tenant that is not there', async () => {
    expect(await tenants.setUser('acme', 'ann', { limits: {} })).toBe(false);
    expect(await tenants.findUser('acme', 'ann')).toBeUndefined();
    expect(await tenants.setUser('default', 'ann', { limits: {} })).toBe(true);
  });
});

describe('what a process knows', () => {
  const userMinute = async (known: Tenants, userId: string) => {
    const policies = createPolicies({
      apiKeys: createApiKeys({ redis, keys, cacheMs }),
      tenants: known,
      defaults: { requestsPerMinute: 10, requestsPerHour: 100 },
    });
    const { rules } = await policies.of({ tenantId: 'acme', userId });
    return rules.find(({ name }) => name === 'minute')?.limit;
  };

  test('is its own change at once', async () => {
    await add('acme');
    expect(await userMinute(tenants, 'ann')).toBe(10);
    await tenants.change('acme', { userLimits: { requests_per_minute: 20 } });
    expect(await userMinute(tenants, 'ann')).toBe(20);
    await tenants.setUser('acme', 'ann', { limits: { requests_per_minute: 30 } });
    expect(await userMinute(tenants, 'ann')).toBe(30);
    expect(await userMinute(tenants, 'bob')).toBe(20);
    await tenants.removeUser('acme', 'ann');
    expect(await userMinute(tenants, 'ann')).toBe(20);
  });

  test("is another's change within the time of its cache", async () => {
    const other = createTenants({ redis, keys, cacheMs: 50 });
    await add('acme');
    expect(await userMinute(other, 'ann')).toBe(10);
    await tenants.setUser('acme', 'ann', { limits: { requests_per_minute: 30 } });
    await waitFor(async () => (await userMinute(other, 'ann')) === 30, { what: 'the other process knows' });
  });

  test('spares Redis the same question', async () => {
    await add('acme');
    await userMinute(tenants, 'ann');
    await redis.hdel(keys.tenants, 'acme');
    expect(await tenants.known('acme')).toMatchObject({ id: 'acme' });
    expect(await tenants.find('acme')).toBeUndefined();
  });
});
