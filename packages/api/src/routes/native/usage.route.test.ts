import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { entryOf } from '@llm-gateway/shared/ledger/test-ledger';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { type LedgerApi, startLedgerApi } from '../../test/start-ledger-api.ts';
import { adminKey, startTestApi } from '../../test/start-test-api.ts';

const servers = { redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') };

let api: LedgerApi;
beforeAll(async () => {
  api = await startLedgerApi(servers);
  api.answers = () => answered('x');
});
afterAll(() => api?.close());

const ask = (user: string, more: object = {}) =>
  api.generate({ prompt: `counted ${randomUUID()}`, model: 'gpt-4o', user_id: user, ...more });

const usage = async (user: string, query = '') =>
  (await api.get(`/v1/usage/${encodeURIComponent(user)}${query}`)).json();

const nothing = {
  requests: 0,
  cached_requests: 0,
  coalesced_requests: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  tokens: 0,
  cost_usd: 0,
  unpriced_requests: 0,
};

const noDetails = {
  saved_usd: 0,
  calls: 0,
  failed: 0,
  duplicates: 0,
  unsettled: 0,
  estimated: 0,
  cached_prompt_tokens: 0,
  cache_write_tokens: 0,
  reasoning_tokens: 0,
};

describe('GET /v1/usage/{user_id}', () => {
  test('200 with zeros for somebody who never asked', async () => {
    const response = await api.get('/v1/usage/nobody');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      user_id: 'nobody',
      period: 'all',
      total_requests: 0,
      cached_requests: 0,
      coalesced_requests: 0,
      prompt_tokens: 0,
      completion_tokens: 0,
      total_tokens: 0,
      total_cost_usd: 0,
      average_cost_per_request: 0,
      unpriced_requests: 0,
      model_breakdown: {},
      ...noDetails,
      stale: false,
    });
  });

  test('200 with sums per model, of this user alone, exact to the nano-dollar', async () => {
    const user = `Zoë/${randomUUID()}`;
    await ask(user);
    await ask(user);
    await ask(user, { model: 'claude-3-5-sonnet' });
    await ask('somebody else');
    const one = { ...nothing, requests: 1, prompt_tokens: 11, completion_tokens: 7, tokens: 18, cost_usd: 0.0000975 };
    expect(await usage(user)).toEqual({
      user_id: user,
      period: 'all',
      total_requests: 3,
      cached_requests: 0,
      coalesced_requests: 0,
      prompt_tokens: 33,
      completion_tokens: 21,
      total_tokens: 54,
      total_cost_usd: 0.0002925,
      average_cost_per_request: 0.0000975,
      unpriced_requests: 0,
      ...noDetails,
      calls: 3,
      stale: false,
      model_breakdown: {
        'openai/gpt-4o': {
          ...one,
          requests: 2,
          prompt_tokens: 22,
          completion_tokens: 14,
          tokens: 36,
          cost_usd: 0.000195,
        },
        'anthropic/claude-3-5-sonnet': one,
      },
    });
  });

  test('an answer of the cache is a request that costs nothing, and says what it saved', async () => {
    const user = randomUUID();
    const body = { prompt: `kept ${user}` };
    await ask(user, body);
    await ask(user, body);
    expect(await usage(user)).toMatchObject({
      total_requests: 2,
      cached_requests: 1,
      calls: 1,
      total_cost_usd: 0.0000975,
      saved_usd: 0.0000975,
      average_cost_per_request: 0.00004875,
    });
  });

  test('calls that failed, came second, or whose outcome is not known are told beside the requests', async () => {
    const user = randomUUID();
    const rowOf = (generation: string, changes: object) => entryOf({ tenant: 'default', user, generation, ...changes });
    const nobodyKnows = { usageSource: 'unknown', costNanoUsd: null, promptTokens: 0, completionTokens: 0 };
    await api.addRows([
      rowOf(`${user}-1`, { status: 'failed', usageSource: 'none', costNanoUsd: '0' }),
      rowOf(`${user}-1`, { call: 2, usageSource: 'estimated', reasoningTokens: 3 }),
      rowOf(`${user}-1`, { call: 3, status: 'duplicate' }),
      rowOf(`${user}-2`, { status: 'unsettled', ...nobodyKnows }),
      rowOf(`${user}-3`, { costNanoUsd: null, model: 'openai/new' }),
    ]);
    const found = await usage(user);
    expect(found).toMatchObject({
      total_requests: 2,
      calls: 5,
      failed: 1,
      duplicates: 1,
      unsettled: 1,
      estimated: 1,
      reasoning_tokens: 3,
      unpriced_requests: 1,
      total_cost_usd: 0.000195,
    });
    expect(found.model_breakdown['openai/new']).toMatchObject({ cost_usd: null, unpriced_requests: 1 });
  });

  test('sums are exact where floats are not', async () => {
    const user = randomUUID();
    const costs = ['100000000', '200000000', '1'];
    await api.addRows(
      costs.map((costNanoUsd, index) =>
        entryOf({ tenant: 'default', user, generation: `${user}-${index}`, costNanoUsd }),
      ),
    );
    expect((await usage(user)).total_cost_usd).toBe(0.300000001);
  });

  test('200 for one day', async () => {
    const user = randomUUID();
    await ask(user);
    const today = new Date().toISOString().slice(0, 10);
    expect(await usage(user, `?day=${today}`)).toMatchObject({ period: today, total_requests: 1 });
    expect(await usage(user, '?day=2001-01-01')).toMatchObject({ total_requests: 0 });
  });

  test('200 for a time between two UTC days, both included, with whatever it is grouped by', async () => {
    const user = randomUUID();
    const rowAt = (time: string, changes: object = {}) =>
      entryOf({ tenant: 'default', user, generation: `${user}-${time}`, ...changes }, Date.parse(time));
    await api.addRows([
      rowAt('2026-10-31T23:59:59.999Z'),
      rowAt('2026-11-01T00:00:00Z', { key: 'key_b', costNanoUsd: '1' }),
      rowAt('2026-11-02T12:00:00Z', { model: 'sandbox/echo', provider: 'sandbox', costNanoUsd: '5' }),
      rowAt('2026-11-02T23:59:59.999Z'),
      rowAt('2026-11-03T00:00:00Z'),
    ]);
    const asked = '?from=2026-11-01&to=2026-11-02';
    const groups = async (by: string) =>
      (await usage(user, `${asked}&group_by=${by}`)).groups.map(({ group, requests }: Record<string, unknown>) => [
        group,
        requests,
      ]);
    expect(await usage(user, asked)).toMatchObject({ period: '2026-11-01/2026-11-02', total_requests: 3 });
    expect(await usage(user, '?from=2026-11-01')).toMatchObject({ period: '2026-11-01/..', total_requests: 4 });
    expect(await usage(user, '?to=2026-10-31')).toMatchObject({ period: '../2026-10-31', total_requests: 1 });
    expect(await groups('day')).toEqual([
      ['2026-11-01', 1],
      ['2026-11-02', 2],
    ]);
    expect(await groups('model')).toEqual([
      ['openai/gpt-4o', 2],
      ['sandbox/echo', 1],
    ]);
    expect(await groups('key')).toEqual([
      ['key_1', 2],
      ['key_b', 1],
    ]);
    expect(await groups('provider')).toEqual([
      ['openai', 2],
      ['sandbox', 1],
    ]);
  });

  test.for([
    ['?format=csv&group_by=model', {}],
    ['?group_by=model', { accept: 'text/csv' }],
  ] as const)('200 as CSV (%s), in which no cell is a formula', async ([query, headers]) => {
    const user = randomUUID();
    const models = ['=1+1', '+1', '-1', '@x', '\tx', 'a "quoted", name'];
    await api.addRows(
      models.map((model, index) => entryOf({ tenant: 'default', user, generation: `${user}-${index}`, model })),
    );
    const response = await api.get(`/v1/usage/${user}${query}`, headers);
    expect(response.headers['content-type']).toBe('text/csv; charset=utf-8');
    const [names, ...lines] = response.body.trim().split('\n');
    expect(names).toMatch(/^group,requests,cached_requests,/);
    expect(lines.map((line) => line.replace(/,1,0,0,11,7,18,0\.0000975,.*$/, ''))).toEqual([
      "'\tx",
      "'+1",
      "'-1",
      "'=1+1",
      "'@x",
      '"a ""quoted"", name"',
    ]);
  });

  test('200 as CSV is by day unless told otherwise', async () => {
    const user = randomUUID();
    await api.addRows([entryOf({ tenant: 'default', user, generation: user })]);
    const response = await api.get(`/v1/usage/${user}?format=csv`);
    expect(response.body).toMatch(/\n2026-11-24,1,/);
  });

  test('a user id cannot spell the key of something else', async () => {
    const user = randomUUID();
    await ask(user);
    for (const id of ['all', `user:${user}`, '../all', '*', '%', `${user}%`, `total:user:${user}`]) {
      expect((await usage(id)).total_requests).toBe(0);
    }
  });

  test('of another tenant for the operator, and for nobody else', async () => {
    const user = randomUUID();
    await api.addRows([entryOf({ tenant: 'acme', user, generation: user })]);
    const path = `/v1/usage/${user}?tenant_id=acme`;
    expect((await api.get(path, { authorization: `Bearer ${adminKey}` })).json()).toMatchObject({ total_requests: 1 });
    expect(await usage(user)).toMatchObject({ total_requests: 0 });
    expect((await api.get(path)).statusCode).toBe(404);
  });

  test('a user whose id has a NUL finds what it used', async () => {
    const user = `${randomUUID()}\0`;
    await ask(user);
    expect(await usage(user)).toMatchObject({ user_id: user, total_requests: 1 });
  });

  test.for([
    [`/v1/usage/${'x'.repeat(129)}`, 'user_id', 'must have at most 128 characters'],
    ['/v1/usage/u1?day=yesterday', 'day', 'must be a date such as 2026-11-23'],
    ['/v1/usage/u1?day=2026-02-30', 'day', 'must be a date such as 2026-11-23'],
    ['/v1/usage/u1?from=0000-01-01', 'from', 'must be a date of 1970 or later, such as 2026-11-23'],
    ['/v1/usage/u1?to=9999-12-31', 'to', 'must be a date of 1970 or later, such as 2026-11-23'],
    ['/v1/usage/u1?from=2026-11-02&to=2026-11-01', 'to', 'must not be before from'],
    ['/v1/usage/u1?day=2026-11-02&to=2026-11-02', 'day', 'must not be sent together with from or to'],
    ['/v1/usage/u1?group_by=user', 'group_by', 'must be one of "day", "model", "key", "provider"'],
    ['/v1/usage/u1?format=xml', 'format', 'must be one of "json", "csv"'],
  ] as const)('422 for $0', async ([path, pointer, detail]) => {
    const response = await api.get(path);
    expect(response.statusCode).toBe(422);
    expect(response.json().errors).toEqual([{ pointer, detail }]);
  });
});

describe('what is still on its way to the ledger', () => {
  async function startBehind(): Promise<LedgerApi> {
    const behind = await startLedgerApi({ ...servers, isWritten: false });
    onTestFinished(() => behind.close());
    behind.answers = () => answered('x');
    await behind.writeLedger();
    await behind.generate({ prompt: 'x', model: 'gpt-4o', user_id: 'u1' });
    return behind;
  }

  test('is waited for: whoever was answered finds its request', async () => {
    const behind = await startBehind();
    const asked = behind.get('/v1/usage/u1');
    await behind.writeLedger();
    expect((await asked).json()).toMatchObject({ total_requests: 1, stale: false });
  });

  test('is not waited for beyond its time, and it says so', async () => {
    const behind = await startBehind();
    expect((await behind.get('/v1/usage/u1')).json()).toMatchObject({ total_requests: 0, stale: true });
  });
});

test('with Postgres away: 503, and it says that generations go on, which they do', async () => {
  const lost = await startTestApi({ redisUrl: inject('redisUrl') });
  onTestFinished(() => lost.close());
  lost.answers = () => answered('x');
  expect((await lost.generate({ prompt: 'x', model: 'gpt-4o', user_id: 'u1' })).statusCode).toBe(200);
  const response = await lost.get('/v1/usage/u1');
  expect(response.statusCode).toBe(503);
  expect(response.json()).toMatchObject({
    code: 'dependency_down',
    detail: expect.stringContaining('database of the ledger is not available'),
  });
  expect(response.headers['retry-after']).toBe('1');
});

describe('who may see whose usage', () => {
  let closed: LedgerApi;
  beforeAll(async () => {
    closed = await startLedgerApi({ ...servers, authMode: 'keys' });
    await closed.addRows([
      entryOf({ tenant: 'default', user: 'u1', generation: 'job_1' }),
      entryOf({ tenant: 'default', user: 'u2', generation: 'job_2' }),
      entryOf({ tenant: 'acme', user: 'u1', generation: 'job_3', costNanoUsd: '1' }),
    ]);
    await post('/v1/admin/tenants', { id: 'acme' });
  });
  afterAll(() => closed?.close());

  const post = (url: string, payload: object) =>
    closed.inject({ method: 'POST', url, payload, headers: { authorization: `Bearer ${adminKey}` } });

  async function see(user: string, wishes: object | undefined) {
    const key = wishes === undefined ? adminKey : (await post('/v1/admin/keys', wishes)).json().key;
    const response = await closed.get(`/v1/usage/${user}`, { authorization: `Bearer ${key}` });
    return [response.statusCode, response.json().total_cost_usd];
  }

  test('the operator, and an administrator in its own tenant: everybody’s', async () => {
    expect(await see('u1', undefined)).toEqual([200, 0.0000975]);
    expect(await see('u2', { scopes: ['admin', 'read'] })).toEqual([200, 0.0000975]);
    expect(await see('u1', { scopes: ['admin', 'read'], tenant_id: 'acme' })).toEqual([200, 1e-9]);
    expect(await see('u2', { scopes: ['admin', 'read'], tenant_id: 'acme' })).toEqual([200, 0]);
  });

  test('any other key: its own user’s alone', async () => {
    expect(await see('u1', { user_id: 'u1' })).toEqual([200, 0.0000975]);
    expect(await see('u2', { user_id: 'u1' })).toEqual([403, undefined]);
    expect(await see('u1', {})).toEqual([403, undefined]);
    const made = (await post('/v1/admin/keys', {})).json();
    const own = await closed.get(`/v1/usage/${made.id}`, { authorization: `Bearer ${made.key}` });
    expect(own.statusCode).toBe(200);
  });
});

describe('GET /v1/rate-limit/{user_id}', () => {
  test('200 with all that is left for somebody new, and asking costs nothing', async () => {
    for (let times = 0; times < 3; times += 1) {
      const response = await api.get('/v1/rate-limit/nobody');
      expect(response.statusCode).toBe(200);
      expect(response.json()).toEqual({
        user_id: 'nobody',
        minute_requests: 0,
        hour_requests: 0,
        minute_limit: 10,
        hour_limit: 100,
        minute_remaining: 10,
        hour_remaining: 100,
        minute_reset_s: 0,
        hour_reset_s: 0,
      });
    }
  });

  test('200 with what a user has used, in body and headers alike', async () => {
    const user = randomUUID();
    await ask(user);
    await ask(user);
    const response = await api.get(`/v1/rate-limit/${user}`);
    const body = response.json();
    expect(body).toMatchObject({ minute_requests: 2, hour_requests: 2, minute_remaining: 8, hour_remaining: 98 });
    expect(body.minute_reset_s).toBeGreaterThan(50);
    expect(body.minute_reset_s).toBeLessThanOrEqual(60);
    expect(body.hour_reset_s).toBeGreaterThan(3590);
    expect(response.headers['x-ratelimit-remaining-requests']).toBe('8');
    expect(response.headers.ratelimit).toMatch(/^"minute";r=8;t=\d+, "hour";r=98;t=\d+$/);
  });
});
