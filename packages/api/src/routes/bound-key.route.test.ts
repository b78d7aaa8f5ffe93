import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { makeEndpointId } from '@llm-gateway/shared/contracts/ids';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type MadeKey, makeKey } from '../test/make-key.ts';
import { answered } from '../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../test/start-test-api.ts';

let api: TestApi;
let ann: MadeKey;
let bob: MadeKey;
let anybody: MadeKey;
beforeAll(async () => {
  api = await startTestApi({
    redisUrl: inject('redisUrl'),
    authMode: 'keys',
    environment: { MAX_REQUESTS_PER_MINUTE: '1000', MAX_REQUESTS_PER_HOUR: '1000' },
  });
  api.answers = () => answered('x');
  ann = await makeKey(api, { user_id: 'ann' });
  bob = await makeKey(api, { user_id: 'bob' });
  anybody = await makeKey(api);
});
afterAll(() => api?.close());

const ask = (more: object = {}) => ({ prompt: `asked ${randomUUID()}`, model: 'gpt-4o', ...more });
const userOf = async (jobId: unknown) => (await api.get(`/v1/jobs/${jobId}`, anybody.headers)).json().user_id;
const asJob = (body: object, headers: object) =>
  api.inject({ method: 'POST', url: '/v1/jobs', headers: { ...headers }, payload: { endpoint: '/v1/generate', body } });

describe('whom a request counts for', () => {
  test('is the user of a bound key, named or not', async () => {
    for (const body of [ask(), ask({ user_id: 'ann' })]) {
      const response = await api.generate(body, ann.headers);
      expect(response.statusCode).toBe(200);
      expect(await userOf(response.headers['x-job-id'])).toBe('ann');
    }
    const named = await api.generate(ask(), { ...ann.headers, 'x-user-id': 'ann' });
    expect(await userOf(named.headers['x-job-id'])).toBe('ann');
  });

  test('is the key itself, where it is bound to nobody and names nobody', async () => {
    const response = await api.generate(ask(), anybody.headers);
    expect(await userOf(response.headers['x-job-id'])).toBe(anybody.id);
    const named = await api.generate(ask({ user_id: 'cat' }), anybody.headers);
    expect(await userOf(named.headers['x-job-id'])).toBe('cat');
  });

  test('is nobody else: 403 with the field, and nothing has happened', async () => {
    const before = await api.traces('ann');
    const refusals = [
      [await api.generate(ask({ user_id: 'bob' }), ann.headers), 'user_id'],
      [await api.generate(ask(), { ...ann.headers, 'x-user-id': 'bob' }), 'x-user-id'],
      [await api.generate(ask({ user_id: 'ann' }), { ...ann.headers, 'x-user-id': 'bob' }), 'x-user-id'],
      [await api.generate(ask({ user_id: 'bob' }), { ...ann.headers, 'x-user-id': 'ann' }), 'user_id'],
      [await asJob(ask({ user_id: 'bob' }), ann.headers), 'body.user_id'],
    ] as const;
    for (const [response, param] of refusals) {
      expect(response.statusCode).toBe(403);
      expect(response.json()).toMatchObject({ code: 'forbidden', error: { param } });
    }
    expect(await api.traces('ann')).toEqual(before);
  });
});

describe('another user of the same tenant', () => {
  let job: string;
  beforeAll(async () => {
    job = (await asJob(ask(), bob.headers)).json().id;
  });

  test.for([
    ['GET', ''],
    ['GET', '/result'],
    ['GET', '/events'],
    ['GET', '/webhook-deliveries'],
    ['POST', '/cancel'],
    ['POST', '/release'],
    ['POST', '/webhook-deliveries/d/redeliver'],
    ['DELETE', ''],
  ] as const)('%s of its job%s is 404', async ([method, rest]) => {
    const response = await api.inject({ method, url: `/v1/jobs/${job}${rest}`, headers: ann.headers });
    expect(response.statusCode).toBe(404);
    expect((await api.get(`/v1/jobs/${job}`, bob.headers)).statusCode).toBe(200);
  });

  test('is in no list of the jobs of a bound key', async () => {
    await api.generate(ask(), ann.headers);
    const users = async (query: string) => {
      const { data } = (await api.get(`/v1/jobs${query}`, ann.headers)).json();
      return [...new Set(data.map(({ user_id }: { user_id: string }) => user_id))];
    };
    expect(await users('?limit=100')).toEqual(['ann']);
    expect(await users('?user_id=ann')).toEqual(['ann']);
    expect((await api.get('/v1/jobs?user_id=bob', ann.headers)).statusCode).toBe(403);
    const all = (await api.get('/v1/jobs?limit=100', anybody.headers)).json().data;
    expect(all.map(({ user_id }: { user_id: string }) => user_id)).toContain('bob');
  });

  test.for(['/v1/usage/bob', '/v1/rate-limit/bob'])('%s is 403', async (url) => {
    expect((await api.get(url, ann.headers)).statusCode).toBe(403);
  });

  test('its job that is gone is unknown, and not told to have been', async () => {
    const [gone] = [`job_${makeEndpointId().slice('whe_'.length)}`];
    await api.redis.set(api.deps.keys.gone(gone), 'default');
    expect((await api.get(`/v1/jobs/${gone}`, anybody.headers)).statusCode).toBe(410);
    expect((await api.get(`/v1/jobs/${gone}`, ann.headers)).statusCode).toBe(404);
  });

  test('may use the same Idempotency-Key for itself', async () => {
    const body = ask();
    const key = { 'idempotency-key': randomUUID() };
    const first = await api.generate(body, { ...ann.headers, ...key });
    const second = await api.generate(body, { ...bob.headers, ...key });
    const again = await api.generate(body, { ...ann.headers, ...key });
    expect([first, second, again].map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    expect(second.headers['x-job-id']).not.toBe(first.headers['x-job-id']);
    expect(again.headers['x-job-id']).toBe(first.headers['x-job-id']);
  });
});

test.for([
  ['GET', '/v1/webhook-endpoints'],
  ['POST', '/v1/webhook-endpoints'],
  ['GET', '/v1/webhook-endpoints/whe_1'],
  ['GET', '/v1/webhook-endpoints/whe_1/deliveries'],
  ['POST', '/v1/webhook-endpoints/whe_1/test'],
  ['GET', '/v1/webhooks/secret'],
  ['POST', '/v1/webhooks/secret/rotate'],
  ['DELETE', '/v1/cache/clear'],
  ['GET', '/v1/admin/keys'],
  ['GET', '/v1/admin/tenants/default'],
] as const)('%s %s concerns all users, and is 403', async ([method, url]) => {
  const payload = { url: 'https://example.com/hook' };
  const response = await api.inject({
    method,
    url,
    headers: ann.headers,
    ...(method === 'POST' ? { payload } : {}),
  });
  expect(response.statusCode).toBe(403);
});

describe('a key that is made for some models', () => {
  let some: MadeKey;
  beforeAll(async () => {
    some = await makeKey(api, { models: ['gpt-4o'] });
  });

  test('may ask for them by any name', async () => {
    for (const model of ['gpt-4o', 'openai/gpt-4o']) {
      expect((await api.generate(ask({ model }), some.headers)).statusCode).toBe(200);
    }
  });

  test('may ask for no other, in any way: 403 with the field, and nothing has happened', async () => {
    const stored = ask({ model: 'gpt-4o-mini', temperature: 0 });
    await api.generate(stored, anybody.headers);
    const before = await api.traces(some.id);
    const refusals = [
      [await api.generate(stored, some.headers), 'model'],
      [await api.generate({ ...stored, stream: true }, some.headers), 'model'],
      [await api.generate(stored, { ...some.headers, 'cache-control': 'only-if-cached' }), 'model'],
      [await api.generate(stored, { ...some.headers, prefer: 'respond-async' }), 'model'],
      [await asJob(stored, some.headers), 'body.model'],
    ] as const;
    for (const [response, param] of refusals) {
      expect(response.statusCode).toBe(403);
      expect(response.json()).toMatchObject({ code: 'forbidden', error: { param } });
      expect(response.json().detail).toContain('openai/gpt-4o-mini');
    }
    expect(await api.traces(some.id)).toEqual(before);
  });

  test('is told of a model that nobody knows as anybody is', async () => {
    expect((await api.generate(ask({ model: 'gpt-99' }), some.headers)).statusCode).toBe(422);
  });
});
