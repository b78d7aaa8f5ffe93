import '@llm-gateway/testkit/provided-context';
import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { asOperator, type MadeKey, makeKey, makeTenant } from '../../test/make-key.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
});
afterAll(() => api?.close());

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const path = '/v1/admin/tenants';
const send = (method: Method, url: string, payload?: object, headers: object = asOperator) =>
  api.inject({ method, url, headers: { ...headers }, ...(payload === undefined ? {} : { payload }) });
const pointersOf = (response: Awaited<ReturnType<typeof send>>) =>
  response.json().errors.map(({ pointer }: { pointer: string }) => pointer);

const empty = {
  object: 'tenant',
  name: '',
  disabled: false,
  limits: {},
  model_limits: {},
  user_limits: {},
  budgets: [],
  user_budgets: [],
};

test('the default tenant is there before anybody makes one', async () => {
  expect((await send('GET', `${path}/default`)).json()).toEqual({ ...empty, id: 'default', created_at: null });
  expect((await send('GET', path)).json().data).toMatchObject([{ id: 'default' }]);
  expect((await send('POST', path, { id: 'default' })).statusCode).toBe(409);
});

describe('making a tenant', () => {
  test('with all that can be set', async () => {
    const wishes = {
      id: 'acme',
      name: 'Acme',
      disabled: true,
      limits: { requests_per_minute: 100 },
      model_limits: { 'gpt-4o': { tokens_per_minute: 5 } },
      user_limits: { requests_per_hour: 7 },
      budgets: [{ period: 'total', limit_usd: '0.5', alert_percents: [10] }],
      user_budgets: [{ period: 'day', limit_usd: 2 }],
    };
    const response = await send('POST', path, wishes);
    expect(response.statusCode).toBe(201);
    expect(response.headers.location).toBe(`${path}/acme`);
    const view = response.json();
    expect(view).toMatchObject({
      id: 'acme',
      name: 'Acme',
      disabled: true,
      limits: { requests_per_minute: 100 },
      model_limits: { 'openai/gpt-4o': { tokens_per_minute: 5 } },
      user_limits: { requests_per_hour: 7 },
      budgets: [{ period: 'total', limit_usd: 0.5, alert_percents: [10], spent_usd: 0, remaining_usd: 0.5 }],
      user_budgets: [{ period: 'day', limit_usd: 2, alert_percents: [50, 80, 100] }],
    });
    expect((await send('GET', `${path}/acme`)).json()).toEqual(view);
    const again = await send('POST', path, { id: 'acme' });
    expect([again.statusCode, again.json().code]).toEqual([409, 'conflict']);
    expect((await send('GET', `${path}/acme`)).json()).toEqual(view);
  });

  test('without an id gives one that could have been given', async () => {
    const { id } = (await send('POST', path, {})).json();
    expect(id).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
    expect((await send('GET', `${path}/${id}`)).statusCode).toBe(200);
  });

  test.for<[object, string]>([
    [{ id: 'Acme' }, '/id'],
    [{ id: '' }, '/id'],
    [{ id: 'a:b' }, '/id'],
    [{ id: '-a' }, '/id'],
    [{ id: 'a'.repeat(64) }, '/id'],
    [{ budget: [] }, '/budget'],
    [{ user_limits: { rpm: 1 } }, '/user_limits/rpm'],
    [{ user_budgets: [{ period: 'day' }] }, '/user_budgets/0/limit_usd'],
    [{ model_limits: { 'gpt-99': {} } }, '/model_limits/gpt-99'],
  ])('422 for %j', async ([wishes, pointer]) => {
    const response = await send('POST', path, wishes);
    expect(response.statusCode).toBe(422);
    expect(pointersOf(response)).toEqual([pointer]);
  });
});

describe('changing a tenant', () => {
  test('replaces what is sent, unsets what is null, and leaves the rest', async () => {
    const id = await makeTenant(api, { name: 'before', limits: { concurrency: 1 }, user_limits: { concurrency: 2 } });
    const changed = await send('PATCH', `${path}/${id}`, { limits: { requests_per_hour: 9 }, user_limits: null });
    expect(changed.statusCode).toBe(200);
    expect(changed.json()).toMatchObject({ ...empty, name: 'before', limits: { requests_per_hour: 9 } });
    expect((await send('PATCH', `${path}/${id}`, { limits: null, name: null })).json()).toMatchObject(empty);
  });

  test('the default one too, which can be set back', async () => {
    await send('PATCH', `${path}/default`, { name: 'Everybody' });
    expect((await send('GET', `${path}/default`)).json().name).toBe('Everybody');
    expect((await send('DELETE', `${path}/default`)).statusCode).toBe(204);
    expect((await send('GET', `${path}/default`)).json().name).toBe('');
  });

  test.for<[object, string]>([
    [{ id: 'other' }, '/id'],
    [{ limit: {} }, '/limit'],
    [{ disabled: 'yes' }, '/disabled'],
  ])('422 for %j', async ([changes, pointer]) => {
    const response = await send('PATCH', `${path}/default`, changes);
    expect(response.statusCode).toBe(422);
    expect(pointersOf(response)).toEqual([pointer]);
  });
});

test('the keys of a disabled tenant answer 403, and are as before when it is enabled again', async () => {
  const id = await makeTenant(api, {});
  const { headers } = await makeKey(api, { tenant_id: id, scopes: ['read', 'admin'] });
  const statuses = async () =>
    Promise.all(['/v1/key', '/v1/jobs', '/v1/admin/keys'].map(async (url) => (await api.get(url, headers)).statusCode));
  expect(await statuses()).toEqual([200, 200, 200]);
  await send('PATCH', `${path}/${id}`, { disabled: true });
  expect(await statuses()).toEqual([403, 403, 403]);
  await send('PATCH', `${path}/${id}`, { disabled: false });
  expect(await statuses()).toEqual([200, 200, 200]);
});

test('a tenant with keys cannot be removed; without, it leaves nothing', async () => {
  const id = await makeTenant(api, {});
  const { id: keyId } = await makeKey(api, { tenant_id: id });
  const refused = await send('DELETE', `${path}/${id}`);
  expect([refused.statusCode, refused.json().code]).toEqual([409, 'conflict']);
  await send('DELETE', `/v1/admin/keys/${keyId}`);
  expect((await send('DELETE', `${path}/${id}`)).statusCode).toBe(204);
  expect((await send('GET', `${path}/${id}`)).statusCode).toBe(404);
  expect((await send('GET', `/v1/admin/keys/${keyId}`)).statusCode).toBe(404);
});

test('the list is paged, the newest first', async () => {
  for (let count = 0; count < 3; count += 1) await makeTenant(api, {});
  const all = (await send('GET', `${path}?limit=100`)).json().data.map(({ id }: { id: string }) => id);
  const seen: string[] = [];
  for (let after = ''; ; after = `&after=${seen.at(-1)}`) {
    const { data, has_more } = (await send('GET', `${path}?limit=2${after}`)).json();
    seen.push(...data.map(({ id }: { id: string }) => id));
    if (!has_more) break;
  }
  expect(seen).toEqual(all);
  expect(seen.at(-1)).toBe('default');
  expect((await send('GET', `${path}?after=nobody`)).statusCode).toBe(422);
});

test.for(['nobody', 'ACME', '%7Bgw%7D'])('404 for the tenant %s', async (id) => {
  const responses = await Promise.all([
    send('GET', `${path}/${id}`),
    send('PATCH', `${path}/${id}`, {}),
    send('DELETE', `${path}/${id}`),
    send('GET', `${path}/${id}/users/ann`),
    send('PUT', `${path}/${id}/users/ann`, {}),
    send('DELETE', `${path}/${id}/users/ann`),
  ]);
  expect(responses.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404, 404, 404, 404]);
});

describe('users', () => {
  test('are as their tenant says until something is set for them, and then again', async () => {
    const id = await makeTenant(api, { user_budgets: [{ period: 'total', limit_usd: 3 }] });
    const user = `${path}/${id}/users/${encodeURIComponent('ann:b/ü')}`;
    await api.redis.hset(api.deps.keys.spend(spendSubject.user(id, 'ann:b/ü'), 'total'), { spent: '1000000000' });
    const asOthers = {
      object: 'tenant_user',
      tenant_id: id,
      user_id: 'ann:b/ü',
      limits: {},
      budgets: [
        {
          period: 'total',
          limit_usd: 3,
          alert_percents: [50, 80, 100],
          spent_usd: 1,
          reserved_usd: 0,
          unsettled_usd: 0,
          remaining_usd: 2,
          resets_at: null,
        },
      ],
      budgets_from: 'tenant',
    };
    expect((await send('GET', user)).json()).toEqual(asOthers);

    const set = await send('PUT', user, { limits: { concurrency: 1 }, budgets: [{ period: 'total', limit_usd: 5 }] });
    expect(set.statusCode).toBe(200);
    expect(set.json()).toMatchObject({
      limits: { concurrency: 1 },
      budgets: [{ limit_usd: 5, remaining_usd: 4 }],
      budgets_from: 'user',
    });
    expect((await send('GET', user)).json()).toEqual(set.json());

    expect((await send('PUT', user, { budgets: [] })).json()).toMatchObject({
      limits: {},
      budgets: [],
      budgets_from: 'user',
    });
    expect((await send('DELETE', user)).statusCode).toBe(204);
    expect((await send('DELETE', user)).statusCode).toBe(204);
    expect((await send('GET', user)).json()).toEqual(asOthers);
  });

  test.for<[object, string]>([
    [{ limit: {} }, '/limit'],
    [{ limits: { rpm: 1 } }, '/limits/rpm'],
    [{ budgets: [{ period: 'day', limit_usd: 'much' }] }, '/budgets/0/limit_usd'],
  ])('422 for %j', async ([body, pointer]) => {
    const response = await send('PUT', `${path}/default/users/ann`, body);
    expect(response.statusCode).toBe(422);
    expect(pointersOf(response)).toEqual([pointer]);
  });
});

describe("a tenant's own administrator", () => {
  let admin: MadeKey;
  let own = '';
  beforeAll(async () => {
    own = await makeTenant(api, { limits: { concurrency: 5 } });
    admin = await makeKey(api, { tenant_id: own, scopes: ['admin'] });
  });
  const asAdmin = (method: Method, url: string, payload?: object) => send(method, url, payload, admin.headers);

  test('sees its tenant and no other', async () => {
    expect((await asAdmin('GET', path)).json()).toMatchObject({ data: [{ id: own }], has_more: false });
    expect((await asAdmin('GET', `${path}/${own}`)).json()).toMatchObject({ limits: { concurrency: 5 } });
    expect((await asAdmin('GET', `${path}/${own}/users/ann`)).statusCode).toBe(200);
    expect((await asAdmin('GET', `${path}?after=default`)).statusCode).toBe(422);
  });

  test('changes nothing of what the operator has set', async () => {
    const responses = await Promise.all([
      asAdmin('POST', path, { id: 'mine' }),
      asAdmin('PATCH', `${path}/${own}`, { limits: null }),
      asAdmin('DELETE', `${path}/${own}`),
      asAdmin('PUT', `${path}/${own}/users/ann`, { limits: {} }),
      asAdmin('DELETE', `${path}/${own}/users/ann`),
    ]);
    expect(responses.map(({ statusCode }) => statusCode)).toEqual([403, 403, 403, 403, 403]);
    expect((await send('GET', `${path}/mine`)).statusCode).toBe(404);
    expect((await send('GET', `${path}/${own}`)).json()).toMatchObject({ limits: { concurrency: 5 } });
  });
});
