import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeSession } from '../auth/admin-session.ts';
import { asOperator, type MadeKey, makeKey, makeTenant } from '../test/make-key.ts';
import { type LedgerApi, startLedgerApi } from '../test/start-ledger-api.ts';
import { adminKey, startTestApi, type TestApi } from '../test/start-test-api.ts';

const path = '/v1/admin/keys';

let api: LedgerApi;
/** Another process of the same gateway. */
let other: TestApi;
const lines: string[] = [];
beforeAll(async () => {
  const shared = {
    redisUrl: inject('redisUrl'),
    authMode: 'keys' as const,
    environment: { KEY_PREFIX: `test-${randomUUID().slice(0, 18)}` },
  };
  api = await startLedgerApi({
    ...shared,
    databaseUrl: inject('databaseUrl'),
    hears: (line) => lines.push(line),
  });
  other = await startTestApi(shared);
});
afterAll(() => Promise.all([api?.close(), other?.close()]));

interface Request {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  payload?: InjectOptions['payload'];
  headers?: object;
  at?: TestApi;
}

const send = (url: string, { method = 'POST', payload, headers = asOperator, at = api }: Request = {}) =>
  at.inject({ method, url, headers: { ...headers }, ...(payload === undefined ? {} : { payload }) });
const newTenant = () => makeTenant(api, { id: `acme-${randomUUID().slice(0, 8)}` });

describe('texts that scripts could not read', () => {
  const half = '\ud800';
  test.for<[string, object, string]>([
    ['a name', { name: half }, '/name'],
    ['a value of metadata', { metadata: { a: half } }, '/metadata'],
    ['a name of metadata', { metadata: { [half]: 'a' } }, '/metadata'],
  ])('%s with half a character is refused', async ([, payload, pointer]) => {
    for (const method of ['POST', 'PATCH'] as const) {
      const { id } = await makeKey(api);
      const response = await send(method === 'POST' ? path : `${path}/${id}`, { method, payload });
      expect([response.statusCode, response.json().errors?.[0]?.pointer]).toEqual([422, pointer]);
    }
  });

  test('nor may the name of a tenant have one', async () => {
    expect((await send('/v1/admin/tenants', { payload: { name: half } })).statusCode).toBe(422);
  });
});

test('limits are set for a hundred models at most: every request of the key has to read them', async () => {
  const limitsOf = (count: number) => ({
    model_limits: Object.fromEntries(Array.from({ length: count }, (_, index) => [`openai/model-${index}`, {}])),
  });
  expect((await send(path, { payload: limitsOf(100) })).statusCode).toBe(201);
  const response = await send(path, { payload: limitsOf(101) });
  expect([response.statusCode, response.json().errors?.[0]?.pointer]).toEqual([422, '/model_limits']);
});

test('an administrator cannot fill the store with keys, of which none ever goes; the operator decides for itself', async () => {
  const tenant = await newTenant();
  const { id, headers } = await makeKey(api, { tenant_id: tenant, scopes: ['admin', 'generate', 'read'] });
  const index = api.deps.keys.apiKeys(tenant);
  const others = Array.from({ length: 9998 }, (_, count) => [0, `key_${count}`]).flat();
  await api.redis.zadd(index, ...others);
  expect((await send(path, { payload: {}, headers })).statusCode).toBe(201);
  const response = await send(path, { payload: {}, headers });
  expect([response.statusCode, response.json().code]).toEqual([409, 'conflict']);
  expect((await send(path, { payload: { tenant_id: tenant } })).statusCode).toBe(201);
  expect((await send(`${path}/${id}/rotate`, { headers })).statusCode).toBe(200);
});

test('a tenant without a name is none', async () => {
  expect((await send(path, { payload: { tenant_id: '' } })).statusCode).toBe(404);
  const { tenants, apiKeys } = api.deps;
  expect(await tenants.setUser('', 'ann', { limits: {} })).toBe(false);
  expect((await apiKeys.page('', 1, undefined)).keys).toEqual([]);
});

describe('a key of an administrator that has been ended elsewhere makes no other', () => {
  let tenant: string;
  beforeAll(async () => {
    tenant = await newTenant();
  });
  /** A key that the other process knows as it is now. */
  async function knownElsewhere(): Promise<MadeKey> {
    const key = await makeKey(api, { tenant_id: tenant, scopes: ['admin', 'generate', 'read'] });
    expect((await other.get('/v1/key', key.headers)).statusCode).toBe(200);
    return key;
  }
  const mint = (key: MadeKey, payload: object = {}) => send(path, { payload, headers: key.headers, at: other });

  test.for<[string, (key: MadeKey) => Promise<unknown>, number]>([
    ['revoked', ({ id }) => send(`${path}/${id}`, { method: 'DELETE' }), 401],
    ['rotated', ({ id }) => send(`${path}/${id}/rotate`, { payload: { overlap_s: 0 } }), 401],
    ['narrowed', ({ id }) => send(`${path}/${id}`, { method: 'PATCH', payload: { scopes: ['read'] } }), 403],
    ['confined', ({ id }) => send(`${path}/${id}`, { method: 'PATCH', payload: { models: ['gpt-4o'] } }), 403],
  ])('%s', async ([, end, status]) => {
    const key = await knownElsewhere();
    await end(key);
    expect((await mint(key)).statusCode).toBe(status);
  });
});

test('who may not read has no results sent', async () => {
  const url = 'https://example.com/hook';
  const register = (key: MadeKey) => send('/v1/webhook-endpoints', { payload: { url }, headers: key.headers });
  const endpoint = (await register(await makeKey(api))).json().id;
  const writer = await makeKey(api, { scopes: ['generate'] });
  expect((await register(writer)).statusCode).toBe(403);
  const change = { method: 'PATCH' as const, payload: { url }, headers: writer.headers };
  expect((await send(`/v1/webhook-endpoints/${endpoint}`, change)).statusCode).toBe(403);
});

test('of a tenant that was removed nobody is told any more, and its id is not given out again', async () => {
  const id = await newTenant();
  const old = await makeKey(api, { tenant_id: id });
  await send('/v1/webhook-endpoints', { payload: { url: 'https://example.com/old' }, headers: old.headers });
  await api.get('/v1/webhooks/secret', old.headers);
  await send(`${path}/${old.id}`, { method: 'DELETE' });
  expect((await send(`/v1/admin/tenants/${id}`, { method: 'DELETE' })).statusCode).toBe(204);
  const { keys, redis } = api.deps;
  expect(await redis.exists(keys.webhookEndpoints(id), keys.webhookSecret(id))).toBe(0);
  expect((await send('/v1/admin/tenants', { payload: { id } })).statusCode).toBe(409);
});

test('a key that is sent where an id belongs is not logged', async () => {
  const { secret, headers } = await makeKey(api);
  await send(`${path}/${secret}`, { method: 'DELETE' });
  await api.get(`/v1/jobs/${secret}`, headers);
  expect(lines.filter((line) => line.includes('There is no')).length).toBeGreaterThan(1);
  expect(lines.filter((line) => line.includes(secret.slice(6)))).toEqual([]);
});

describe("the operator's cookie", () => {
  const cookie = `gateway_admin=${makeSession(adminKey, Date.now())}`;

  test.for([
    ['cross-site', 401],
    ['same-site', 401],
    ['same-origin', 200],
    ['none', 200],
  ] as const)('with a command of a page that is %s: %s', async ([site, status]) => {
    const { id } = await makeKey(api);
    const headers = { cookie, 'sec-fetch-site': site };
    expect((await send(`${path}/${id}/rotate`, { headers })).statusCode).toBe(status);
  });

  test.for([
    ['http://gateway.test', 200],
    ['http://gateway.test:3000', 401],
    ['https://elsewhere.test', 401],
    ['null', 401],
  ] as const)('with a command of the origin %s, from a browser that says no more: %s', async ([origin, status]) => {
    const { id } = await makeKey(api);
    const headers = { cookie, origin, host: 'gateway.test' };
    expect((await send(`${path}/${id}/rotate`, { headers })).statusCode).toBe(status);
  });

  test('opens pages by a link from elsewhere', async () => {
    expect((await api.get('/metrics', { cookie, 'sec-fetch-site': 'cross-site' })).statusCode).toBe(200);
  });

  test('gives a key that is sent no more than that key has', async () => {
    const { headers } = await makeKey(api, { tenant_id: await newTenant(), scopes: ['admin'] });
    expect((await api.get('/v1/admin/tenants', { cookie, ...headers })).json().data).toHaveLength(1);
    expect((await api.get('/metrics', { cookie, ...headers })).statusCode).toBe(403);
  });
});

test.for(['ledger', 'summary'])('a tenant whose name no database holds has no rows: %s', async (name) => {
  const { statusCode } = await send(`/v1/admin/${name}?tenant_id=%00`, { method: 'GET' });
  expect([200, 404]).toContain(statusCode);
});

test('a key may not count its requests for another key', async () => {
  const [mine, theirs] = [await makeKey(api), await makeKey(api)];
  const body = { prompt: 'hello', model: 'gpt-4o', user_id: theirs.id };
  const response = await send('/v1/generate', { payload: body, headers: mine.headers });
  expect([response.statusCode, response.json().code]).toEqual([403, 'forbidden']);
  expect((await send(`/v1/rate-limit/${theirs.id}`, { method: 'GET', headers: mine.headers })).statusCode).toBe(403);
});

test('what an administrator changes is logged, and by whom', async () => {
  const { id, headers } = await makeKey(api, { scopes: ['admin', 'generate', 'read'] });
  const made = (await send(path, { payload: { name: 'second' }, headers })).json();
  const logged = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'admin_change');
  expect(logged.at(-1)).toMatchObject({ by: id, method: 'POST', path: `${path}/${made.id}`, status: 201 });
  expect(logged.at(-2)).toMatchObject({ by: 'operator', path: `${path}/${id}` });
});

test('where nobody needs a key, a page of another site can command nothing', async () => {
  const open = await startTestApi({ redisUrl: inject('redisUrl') });
  try {
    const url = '/v1/webhooks/secret/rotate';
    const foreign = [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }];
    for (const headers of foreign) expect((await send(url, { headers, at: open })).statusCode).toBe(403);
    expect((await send(url, { headers: {}, at: open })).statusCode).toBe(200);
  } finally {
    await open.close();
  }
});
