import '@llm-gateway/testkit/provided-context';
import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { asOperator, type MadeKey, makeKey, makeTenant } from '../../test/make-key.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
  await makeTenant(api, { id: 'acme' });
  await makeTenant(api, { id: 'bolt' });
});
afterAll(() => api?.close());

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

const path = '/v1/admin/keys';
const send = (method: Method, url: string, payload?: InjectOptions['payload'], headers: object = asOperator) =>
  api.inject({ method, url, headers: { ...headers }, ...(payload === undefined ? {} : { payload }) });
const pointersOf = (response: Awaited<ReturnType<typeof send>>) =>
  response.json().errors.map(({ pointer }: { pointer: string }) => pointer);
const statusWith = async (secret: string) => (await api.get('/v1/key', { 'x-api-key': secret })).statusCode;
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe('making a key', () => {
  test('shows it once, with what it is and where it is found', async () => {
    const wishes = {
      tenant_id: 'acme',
      name: 'billing',
      scopes: ['generate'],
      models: ['gpt-4o', 'openai/gpt-4o', 'sandbox/echo'],
      user_id: 'ann',
      limits: { requests_per_minute: 60, tokens_per_minute: 0 },
      model_limits: { 'gpt-4o': { concurrency: 2 } },
      budgets: [{ period: 'month', limit_usd: 12.5 }],
      metadata: { team: 'blue' },
      expires_at: '2999-01-01T00:00:00+01:00',
    };
    const response = await send('POST', path, wishes);
    expect(response.statusCode).toBe(201);
    expect(response.headers['cache-control']).toBe('no-store');
    const { key, ...view } = response.json();
    expect(key).toMatch(/^sk-gw-[\w-]{43}$/);
    expect(response.headers.location).toBe(`${path}/${view.id}`);
    const nextMonth = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1)).toISOString();
    expect(view).toEqual({
      id: expect.stringMatching(/^key_/),
      object: 'api_key',
      tenant_id: 'acme',
      name: 'billing',
      hint: key.slice(-4),
      scopes: ['generate'],
      models: ['openai/gpt-4o', 'sandbox/echo'],
      user_id: 'ann',
      limits: { requests_per_minute: 60, tokens_per_minute: 0 },
      model_limits: { 'openai/gpt-4o': { concurrency: 2 } },
      budgets: [
        {
          period: 'month',
          limit_usd: 12.5,
          alert_percents: [50, 80, 100],
          spent_usd: 0,
          reserved_usd: 0,
          unsettled_usd: 0,
          remaining_usd: 12.5,
          resets_at: nextMonth,
        },
      ],
      metadata: { team: 'blue' },
      created_at: expect.any(String),
      expires_at: '2998-12-31T23:00:00.000Z',
      revoked_at: null,
      rotated_at: null,
    });
    expect((await send('GET', `${path}/${view.id}`)).json()).toEqual(view);
  });

  test('asks for nothing: the default is a key of the default tenant that generates and reads', async () => {
    const response = await send('POST', path, { name: null, budgets: null });
    expect(response.statusCode).toBe(201);
    expect(response.json()).toMatchObject({
      tenant_id: 'default',
      scopes: ['generate', 'read'],
      models: null,
      user_id: null,
      limits: {},
      budgets: [],
      expires_at: null,
    });
  });

  const budget = { period: 'day', limit_usd: 1 };
  test.for<[string, object, string]>([
    ['a misspelt member', { budget: [budget] }, '/budget'],
    ['a misspelt limit', { limits: { request_per_minute: 1 } }, '/limits/request_per_minute'],
    ['a misspelt limit of a model', { model_limits: { 'gpt-4o': { rpm: 1 } } }, '/model_limits/gpt-4o/rpm'],
    ['a misspelt member of a budget', { budgets: [{ ...budget, limit: 1 }] }, '/budgets/0/limit'],
    ['an unknown scope', { scopes: ['write'] }, '/scopes/0'],
    ['a scope twice', { scopes: ['read', 'read'] }, '/scopes'],
    ['no scope', { scopes: [] }, '/scopes'],
    ['an unknown model', { models: ['gpt-4o', 'gpt-99'] }, '/models/1'],
    ['limits of an unknown model', { model_limits: { 'X/y~z': {} } }, '/model_limits/X~1y~0z'],
    [
      'limits of a model twice',
      { model_limits: { 'gpt-4o': {}, 'openai/gpt-4o': {} } },
      '/model_limits/openai~1gpt-4o',
    ],
    ['a negative limit', { limits: { concurrency: -1 } }, '/limits/concurrency'],
    ['two budgets of a period', { budgets: [budget, budget] }, '/budgets'],
    [
      'a budget finer than nano-dollars',
      { budgets: [{ ...budget, limit_usd: '0.0000000001' }] },
      '/budgets/0/limit_usd',
    ],
    ['a negative budget', { budgets: [{ ...budget, limit_usd: -1 }] }, '/budgets/0/limit_usd'],
    ['a budget without its limit', { budgets: [{ period: 'day' }] }, '/budgets/0/limit_usd'],
    ['a budget of a week', { budgets: [{ ...budget, period: 'week' }] }, '/budgets/0/period'],
    ['an end that has passed', { expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
    ['an end that is no time', { expires_at: 'tomorrow' }, '/expires_at'],
    ['an end without an offset', { expires_at: '2999-01-01T00:00:00' }, '/expires_at'],
    ['a user without a name', { user_id: '' }, '/user_id'],
    ['an administrator bound to a user', { user_id: 'ann', scopes: ['admin'] }, '/user_id'],
    ['no object', [], ''],
  ])('422 for %s', async ([, wishes, pointer]) => {
    const before = (await send('GET', `${path}?limit=100`)).json().data.length;
    const response = await send('POST', path, wishes);
    expect(response.statusCode).toBe(422);
    expect(pointersOf(response)).toEqual([pointer]);
    expect((await send('GET', `${path}?limit=100`)).json().data).toHaveLength(before);
  });

  test.for<[object, string]>([
    [{}, 'is required'],
    [{ limit_usd: true }, 'must be a decimal number of USD, such as 12.5, with at most 9 decimals'],
    [{ limit_usd: 'much' }, 'must be a decimal number of USD, such as 12.5, with at most 9 decimals'],
    [{ limit_usd: 9_000_001 }, 'must be <= 9000000'],
  ])('422 for a budget with %o says what to send', async ([limit, detail]) => {
    const response = await send('POST', path, { budgets: [{ period: 'day', ...limit }] });
    expect(response.json().errors).toEqual([{ pointer: '/budgets/0/limit_usd', detail }]);
  });

  test('404 for a tenant that is not there', async () => {
    expect((await send('POST', path, { tenant_id: 'nobody' })).statusCode).toBe(404);
    expect((await send('GET', `${path}?tenant_id=nobody`)).statusCode).toBe(404);
  });
});

describe('changing a key', () => {
  test('replaces what is sent, unsets what is null, and leaves the rest', async () => {
    const { id, headers } = await makeKey(api, {
      name: 'before',
      models: ['gpt-4o'],
      limits: { requests_per_minute: 1, concurrency: 1 },
      budgets: [{ period: 'day', limit_usd: 1 }],
      metadata: { a: 'b' },
      expires_at: inAnHour(),
    });
    const changed = await send('PATCH', `${path}/${id}`, { name: 'after', limits: { concurrency: 2 }, models: null });
    expect(changed.statusCode).toBe(200);
    expect(changed.json()).toMatchObject({ name: 'after', models: null, metadata: { a: 'b' } });
    expect(changed.json().limits).toEqual({ concurrency: 2 });
    expect(changed.json().budgets).toHaveLength(1);

    const bare = { limits: null, budgets: null, metadata: null, expires_at: null, model_limits: null, user_id: null };
    expect((await send('PATCH', `${path}/${id}`, bare)).json()).toMatchObject({
      limits: {},
      budgets: [],
      metadata: {},
      expires_at: null,
      name: 'after',
    });
    // Where it was changed it holds at once.
    await send('PATCH', `${path}/${id}`, { scopes: ['admin'] });
    expect((await api.get('/v1/jobs', headers)).statusCode).toBe(403);
  });

  test.for<[object, string]>([
    [{ tenant_id: 'acme' }, '/tenant_id'],
    [{ revoked_at: null }, '/revoked_at'],
    [{ name: null }, '/name'],
    [{ scopes: null }, '/scopes'],
    [{ limits: { rpm: 3 } }, '/limits/rpm'],
    [{ expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
  ])('422 for %j', async ([changes, pointer]) => {
    const { id } = await makeKey(api);
    const response = await send('PATCH', `${path}/${id}`, changes);
    expect(response.statusCode).toBe(422);
    expect(pointersOf(response)).toEqual([pointer]);
  });

  test('422 for what does not go with what the key is already', async () => {
    const { id } = await makeKey(api, { scopes: ['admin'] });
    expect((await send('PATCH', `${path}/${id}`, { user_id: 'ann' })).statusCode).toBe(422);
    expect((await send('PATCH', `${path}/${id}`, { user_id: 'ann', scopes: ['read'] })).statusCode).toBe(200);
  });
});

test('a budget is shown with what stands in it, to the nano-dollar', async () => {
  const { id, headers } = await makeKey(api, { budgets: [{ period: 'total', limit_usd: '0.3' }] });
  const spend = api.deps.keys.spend(spendSubject.key(id), 'total');
  await api.redis.hset(spend, { spent: '100000001', reserved: '2', unsettled: '30' });
  const shown = {
    spent_usd: 0.100000001,
    reserved_usd: 2e-9,
    unsettled_usd: 3e-8,
    remaining_usd: 0.199999967,
    resets_at: null,
  };
  expect((await send('GET', `${path}/${id}`)).json().budgets).toMatchObject([shown]);
  expect((await api.get('/v1/key', headers)).json().budgets).toMatchObject([shown]);
  const listed = (await send('GET', path)).json().data.find((key: { id: string }) => key.id === id);
  expect(listed.budgets).toMatchObject([shown]);
  await api.redis.hset(spend, { spent: '900000000' });
  expect((await send('GET', `${path}/${id}`)).json().budgets).toMatchObject([{ spent_usd: 0.9, remaining_usd: 0 }]);
});

describe('rotating a key', () => {
  test('gives another secret; the old one works on for a day', async () => {
    const { id, secret } = await makeKey(api);
    const response = await send('POST', `${path}/${id}/rotate`);
    expect(response.statusCode).toBe(200);
    const { key, hint, rotated_at } = response.json();
    expect(key).not.toBe(secret);
    expect(hint).toBe(key.slice(-4));
    expect(rotated_at).toEqual(expect.any(String));
    expect([await statusWith(secret), await statusWith(key)]).toEqual([200, 200]);
    expect((await send('GET', `${path}/${id}`)).json()).not.toHaveProperty('key');
  });

  test('without an overlap the old one is over', async () => {
    const { id, secret } = await makeKey(api);
    expect(await statusWith(secret)).toBe(200);
    const { key } = (await send('POST', `${path}/${id}/rotate`, { overlap_s: 0 })).json();
    expect([await statusWith(secret), await statusWith(key)]).toEqual([401, 200]);
  });

  test.for<[object, string]>([
    [{ overlap_s: -1 }, '/overlap_s'],
    [{ overlap_s: 604_801 }, '/overlap_s'],
    [{ overlap_s: 1.5 }, '/overlap_s'],
    [{ overlap: 1 }, '/overlap'],
  ])('422 for %j', async ([body, pointer]) => {
    const { id, secret } = await makeKey(api);
    const response = await send('POST', `${path}/${id}/rotate`, body);
    expect(response.statusCode).toBe(422);
    expect(pointersOf(response)).toEqual([pointer]);
    expect(await statusWith(secret)).toBe(200);
  });
});

test('a revoked key opens nothing, is still shown, and comes back by nothing', async () => {
  const { id, secret } = await makeKey(api);
  expect(await statusWith(secret)).toBe(200);
  expect((await send('DELETE', `${path}/${id}`)).statusCode).toBe(204);
  expect(await statusWith(secret)).toBe(401);
  expect((await send('DELETE', `${path}/${id}`)).statusCode).toBe(204);
  expect((await send('GET', `${path}/${id}`)).json().revoked_at).toEqual(expect.any(String));
  expect((await send('PATCH', `${path}/${id}`, { expires_at: null })).statusCode).toBe(409);
  expect((await send('POST', `${path}/${id}/rotate`)).statusCode).toBe(409);
  expect(await statusWith(secret)).toBe(401);
});

test('an expired key opens nothing, and does again when it is given more time', async () => {
  const { id, secret } = await makeKey(api, { expires_at: inAnHour() });
  const record = await api.redis.get(api.deps.keys.apiKey(id));
  await api.redis.set(api.deps.keys.apiKey(id), JSON.stringify({ ...JSON.parse(record ?? ''), expiresMs: 1 }));
  expect(await statusWith(secret)).toBe(401);
  expect((await send('PATCH', `${path}/${id}`, { expires_at: inAnHour() })).statusCode).toBe(200);
  expect(await statusWith(secret)).toBe(200);
});

describe('the list', () => {
  test('has the keys of one tenant, the newest first, page by page', async () => {
    await makeTenant(api, { id: 'paged' });
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) made.unshift((await makeKey(api, { tenant_id: 'paged' })).id);
    const seen: string[] = [];
    for (let after = ''; ; after = `&after=${seen.at(-1)}`) {
      const { data, has_more } = (await send('GET', `${path}?tenant_id=paged&limit=2${after}`)).json();
      seen.push(...data.map(({ id }: { id: string }) => id));
      if (!has_more) break;
    }
    expect(seen).toEqual(made);
  });

  test.for([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['after=nothing', 'after'],
    ['after=job_01M84AFMN7N75S4NC9P52Q6ACC', 'after'],
  ])('422 for %s', async ([query, pointer]) => {
    const response = await send('GET', `${path}?${query}`);
    expect(response.statusCode).toBe(422);
    expect(pointersOf(response)).toEqual([pointer]);
  });
});

test.for(['key_01M84AFMN7N75S4NC9P52Q6ACC', 'nothing', 'a%3Ab'])('404 for the key %s', async (id) => {
  const responses = await Promise.all([
    send('GET', `${path}/${id}`),
    send('PATCH', `${path}/${id}`, {}),
    send('DELETE', `${path}/${id}`),
    send('POST', `${path}/${id}/rotate`),
  ]);
  for (const response of responses) {
    expect(response.statusCode).toBe(404);
    expect(response.json().code).toBe('not_found');
  }
});

describe("a tenant's own administrator", () => {
  let admin: MadeKey;
  beforeAll(async () => {
    admin = await makeKey(api, { tenant_id: 'acme', scopes: ['admin', 'read'], models: ['gpt-4o', 'gpt-4o-mini'] });
  });
  const asAdmin = (method: Method, url: string, payload?: object) => send(method, url, payload, admin.headers);
  const fits = { scopes: ['read'], models: ['gpt-4o'] };

  test('makes, changes, rotates and revokes keys of its tenant', async () => {
    const made = await asAdmin('POST', path, fits);
    expect(made.statusCode).toBe(201);
    const { id, tenant_id, key } = made.json();
    expect(tenant_id).toBe('acme');
    expect(await statusWith(key)).toBe(200);
    expect((await asAdmin('PATCH', `${path}/${id}`, { name: 'b', limits: { concurrency: 1 } })).statusCode).toBe(200);
    expect((await asAdmin('POST', `${path}/${id}/rotate`, { overlap_s: 0 })).statusCode).toBe(200);
    expect((await asAdmin('DELETE', `${path}/${id}`)).statusCode).toBe(204);
  });

  test.for<[string, object, string]>([
    ['a scope that it does not have', { ...fits, scopes: ['generate'] }, '/scopes'],
    ['the scopes of a key of which none is said', { models: ['gpt-4o'] }, '/scopes'],
    ['a model that it may not use', { ...fits, models: ['sandbox/echo'] }, '/models'],
    ['all models', { scopes: ['read'] }, '/models'],
  ])('cannot give %s', async ([, wishes, field]) => {
    const response = await asAdmin('POST', path, wishes);
    expect(response.statusCode).toBe(403);
    expect(response.json().error.param).toBe(field.slice(1));

    const { id } = (await asAdmin('POST', path, fits)).json();
    const changes = { scopes: ['generate', 'read'], models: null, ...wishes };
    expect((await asAdmin('PATCH', `${path}/${id}`, changes)).statusCode).toBe(403);
    expect((await send('GET', `${path}/${id}`)).json()).toMatchObject({ scopes: ['read'], models: ['openai/gpt-4o'] });
  });

  test('cannot take over, change or end a key that can do more than its own', async () => {
    const { id, secret } = await makeKey(api, { tenant_id: 'acme', scopes: ['generate'], models: ['gpt-4o'] });
    const responses = await Promise.all([
      asAdmin('POST', `${path}/${id}/rotate`),
      asAdmin('PATCH', `${path}/${id}`, { name: 'mine' }),
      asAdmin('DELETE', `${path}/${id}`),
    ]);
    expect(responses.map(({ statusCode }) => statusCode)).toEqual([403, 403, 403]);
    expect(await statusWith(secret)).toBe(200);
  });

  test('cannot make its own key more than it is', async () => {
    for (const changes of [{ scopes: ['admin', 'read', 'generate'] }, { models: null }]) {
      expect((await asAdmin('PATCH', `${path}/${admin.id}`, changes)).statusCode).toBe(403);
    }
  });

  test('cannot outlive its own end', async () => {
    const soon = inAnHour();
    const { headers } = await makeKey(api, { tenant_id: 'acme', scopes: ['admin'], expires_at: soon });
    const as = (payload: object) => send('POST', path, { scopes: ['admin'], ...payload }, headers);
    expect((await as({})).statusCode).toBe(403);
    expect((await as({ expires_at: '2999-01-01T00:00:00Z' })).statusCode).toBe(403);
    expect((await as({ expires_at: soon })).statusCode).toBe(201);
  });
});

describe('GET /v1/key', () => {
  test('tells a key what it is, whatever its scope', async () => {
    const { id, headers } = await makeKey(api, {
      tenant_id: 'bolt',
      name: 'mine',
      scopes: ['generate'],
      models: ['gpt-4o'],
      limits: { concurrency: 4 },
    });
    const response = await api.get('/v1/key', headers);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      id,
      tenant_id: 'bolt',
      name: 'mine',
      scopes: ['generate'],
      models: ['openai/gpt-4o'],
      limits: { concurrency: 4 },
      budgets: [],
    });
    expect(response.json()).not.toHaveProperty('key');
  });

  test('tells the operator that it needs none', async () => {
    expect((await api.get('/v1/key', asOperator)).json()).toMatchObject({
      id: null,
      scopes: ['generate', 'read', 'admin'],
    });
  });
});
