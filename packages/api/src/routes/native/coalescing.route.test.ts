import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { answered, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

// Two processes before one Redis.
let api: TestApi;
let other: TestApi;
beforeAll(async () => {
  const environment = { KEY_PREFIX: `test-${randomUUID().slice(0, 18)}`, MAX_REQUESTS_PER_MINUTE: '3' };
  [api, other] = (await Promise.all([1, 2].map(() => startTestApi({ redisUrl: inject('redisUrl'), environment })))) as [
    TestApi,
    TestApi,
  ];
});
afterAll(() => Promise.all([api?.close(), other?.close()]));

const ask = (more: object = {}) => ({ prompt: `hot ${randomUUID()}`, model: 'gpt-4o', user_id: randomUUID(), ...more });

type Asked = ReturnType<typeof ask>;

const jobOf = ({ headers }: LightMyRequestResponse) => String(headers['x-job-id']);

const collapsed = 'gateway; fwd=miss; collapsed';

/** A job under way whose client gave up waiting. */
async function begun(body: object, headers: Record<string, string> = {}, to = api): Promise<string> {
  const response = await to.generate(body, { ...headers, prefer: 'wait=0' });
  expect(response.statusCode).toBe(504);
  return jobOf(response);
}

const field = (id: string, name: string) => api.redis.hget(api.deps.keys.job(id), name);
const leaderOf = (id: string) => field(id, 'leader');
const view = async (id: string) => (await api.get(`/v1/jobs/${id}`)).json();
const cancel = (id: string) => api.inject({ method: 'POST', url: `/v1/jobs/${id}/cancel` });
const isQueued = async (id: string) =>
  (await api.deps.laneQueues.producers.get('openai')?.queue.getJob(id)) !== undefined;

async function admitted(): Promise<number> {
  const counters = await Promise.all([api, other].map(({ deps }) => deps.metrics.admissions.get()));
  return counters.flatMap(({ values }) => values).reduce((sum, { value }) => sum + value, 0);
}

/** Sends requests that wait, and sees to it that all are admitted. */
async function sent<T>(count: number, send: () => T): Promise<{ pending: T }> {
  const before = await admitted();
  const pending = send();
  await waitFor(async () => (await admitted()) === before + count, { what: `${count} requests are admitted` });
  return { pending };
}

describe('fifty equal requests at once, through two processes', () => {
  let body: Asked;
  let responses: LightMyRequestResponse[];
  let before: Awaited<ReturnType<TestApi['traces']>>;
  let while50: Awaited<ReturnType<TestApi['traces']>>;
  let leader: string;
  beforeAll(async () => {
    body = ask();
    before = await api.traces(body.user_id);
    const { pending } = await sent(50, () =>
      Array.from({ length: 50 }, (_, index) => (index % 2 ? api : other).generate(body)),
    );
    while50 = await api.traces(body.user_id);
    const ids = [...api.accepted, ...other.accepted];
    const leaders = await Promise.all(ids.map(async (id) => ((await leaderOf(id)) === null ? [id] : [])));
    [leader = ''] = leaders.flat();
    await api.hand.settle(leader, answered('one for all'));
    responses = await Promise.all(pending);
  });

  test('are fifty jobs with one place in the queue, of which one is counted against the limit', () => {
    expect(while50).toEqual({ jobs: before.jobs + 50, queued: before.queued + 1, counted: [1, 1] });
  });

  test('get the same answer, each as its own job', () => {
    expect(responses.map(({ statusCode }) => statusCode)).toEqual(Array(50).fill(200));
    expect(new Set(responses.map((response) => response.json().completion))).toEqual(new Set(['one for all']));
    expect(new Set(responses.map(jobOf)).size).toBe(50);
    expect(new Set(responses.map((response) => response.json().request_id)).size).toBe(50);
    expect(responses.every((response) => response.json().cached === false)).toBe(true);
  });

  test('say who paid: one for all', async () => {
    const [paid, free] = [
      responses.filter((response) => jobOf(response) === leader),
      responses.filter((response) => jobOf(response) !== leader),
    ];
    expect(paid).toHaveLength(1);
    expect(paid[0]?.headers).toMatchObject({ 'cache-status': 'gateway; fwd=miss; stored', 'x-cost-usd': '0.0000975' });
    for (const { headers } of free) {
      expect(headers).toMatchObject({
        'cache-status': collapsed,
        'x-cost-usd': '0',
        'x-ratelimit-remaining-requests': '2',
        'x-gateway-model': 'openai/gpt-4o',
      });
    }
    expect(await view(leader)).toMatchObject({ coalesced_into: null, cost_usd: 0.0000975 });
    expect(await view(jobOf(free[0] as LightMyRequestResponse))).toMatchObject({
      status: 'completed',
      coalesced_into: leader,
      cost_usd: 0,
      cached: false,
    });
  });

  test('are fifty rows of usage with the cost and tokens of one', async () => {
    expect(await api.booked(body.user_id)).toEqual({
      requests: 50,
      coalesced: 49,
      cached: 0,
      tokens: 18,
      nanoUsd: 97_500,
    });
  });

  test('leave nothing of their flight: the next one is served from the cache', async () => {
    const { keys } = api.deps;
    expect(await api.redis.keys(keys.flight('*'))).toEqual([]);
    expect(await api.redis.exists(keys.followers(leader))).toBe(0);
    expect((await api.generate(body)).headers['cache-status']).toMatch(/^gateway; hit/);
  });
});

describe('a call is shared', () => {
  test('by another user of the tenant, who is counted for its own usage and not against its limit', async () => {
    const body = ask();
    const leader = await begun(body);
    const user = randomUUID();
    const { pending } = await sent(1, () => other.generate({ ...body, user_id: user }));
    await api.hand.settle(leader, answered('shared'));
    const response = await pending;
    expect(response.json().completion).toBe('shared');
    expect(await leaderOf(jobOf(response))).toBe(leader);
    expect(await api.booked(user)).toEqual({ requests: 1, coalesced: 1, cached: 0, tokens: 0, nanoUsd: 0 });
    expect((await api.traces(user)).counted).toEqual([0, 0]);
  });

  test('by one whose limit is reached', async () => {
    const body = ask();
    const leader = await begun(body);
    const full = randomUUID();
    for (const _ of [1, 2, 3]) await begun(ask({ user_id: full }));
    expect((await api.generate(ask({ user_id: full }))).statusCode).toBe(429);
    expect(await leaderOf(await begun({ ...body, user_id: full }))).toBe(leader);
  });

  test('while it runs: the one that joins runs as well', async () => {
    const body = ask();
    const leader = await begun(body);
    await api.hand.begin(leader);
    const id = await begun(body, {}, other);
    expect(await leaderOf(id)).toBe(leader);
    expect(await view(id)).toMatchObject({ status: 'in_progress', attempt: 1, coalesced_into: leader });
    expect((await view(id)).started_at).toBe((await view(leader)).started_at);
    expect(await isQueued(id)).toBe(false);
  });

  test('by one that will come back for it, and by one with a key, which is replayed as its own job', async () => {
    const body = ask();
    const leader = await begun(body);
    const key = { 'idempotency-key': randomUUID() };
    const submitted = await other.generate(body, { ...key, prefer: 'respond-async' });
    const { id } = submitted.json();
    expect([submitted.statusCode, submitted.headers['cache-status']]).toEqual([202, collapsed]);
    expect(await leaderOf(id)).toBe(leader);
    await api.hand.settle(leader, answered('shared'));
    const replayed = await api.generate(body, key);
    expect(replayed.headers).toMatchObject({ 'idempotent-replayed': 'true', 'x-job-id': id, 'x-cost-usd': '0' });
  });

  test('whatever the client says of priority, webhook and disconnects, as long as it is no more urgent', async () => {
    const body = ask();
    const leader = await begun(body);
    const headers = { 'x-gateway-priority': '9', 'x-gateway-on-disconnect': 'cancel', 'x-gateway-cache-ttl': '60' };
    const id = await begun(body, headers);
    expect(await leaderOf(id)).toBe(leader);
    expect(await api.redis.hgetall(api.deps.keys.job(id))).toMatchObject({ priority: '9', onDisconnect: 'cancel' });
  });

  test('in its failure, where trying again would not help', async () => {
    const body = ask();
    const leader = await begun(body);
    const { pending } = await sent(1, () => other.generate(body));
    await api.hand.settle(leader, failed({ code: 'provider_refused', detail: 'No.' }));
    const response = await pending;
    expect([response.statusCode, response.json().code]).toEqual([502, 'provider_refused']);
    expect(response.headers['x-should-retry']).toBe('false');
  });
});

describe('a call is not shared', () => {
  test.for([
    ['no-cache', {}, { 'cache-control': 'no-cache' }],
    ['no-store', {}, { 'cache-control': 'no-store' }],
    ['the cache switched off by header', {}, { 'x-gateway-cache': 'off' }],
    ['the cache switched off by body', { gateway: { cache: { mode: 'off' } } }, {}],
    ['a ttl of 0', {}, { 'x-gateway-cache-ttl': '0' }],
    ['another namespace', {}, { 'x-gateway-cache-namespace': 'mine' }],
    ['another prompt', { prompt: 'other' }, {}],
    ['another temperature', { temperature: 0.1 }, {}],
    ['another model', { model: 'gpt-4o-mini' }, {}],
  ] as [string, object, Record<string, string>][])('by one with %s', async ([, more, headers]) => {
    const body = ask();
    await begun(body);
    const id = await begun({ ...body, ...more }, headers);
    expect(await leaderOf(id)).toBeNull();
    expect(await isQueued(id)).toBe(true);
  });

  test.for([
    ['no-cache', { 'cache-control': 'no-cache' }],
    ['no-store', { 'cache-control': 'no-store' }],
    ['the cache switched off', { 'x-gateway-cache': 'off' }],
  ] as [string, Record<string, string>][])('with others where its own client said %s', async ([, headers]) => {
    const body = ask();
    await begun(body, headers);
    expect(await leaderOf(await begun(body))).toBeNull();
  });

  test.for([
    ['delayed', { delay_s: 60 }],
    ['held', { hold: true }],
  ] as [string, object][])('by a job that is %s, nor is the one of that joined', async ([, more]) => {
    const submit = async (body: object, wish: object) => {
      const payload = { endpoint: '/v1/generate', body, ...wish };
      const response = await api.inject({ method: 'POST', url: '/v1/jobs', payload });
      return response.json().id as string;
    };
    const [earlier, later] = [ask(), ask()];
    await begun(earlier);
    expect(await leaderOf(await submit(earlier, more))).toBeNull();
    await submit(later, more);
    expect(await leaderOf(await begun(later))).toBeNull();
  });

  test('with one that is more urgent: it leads those that come', async () => {
    const body = ask();
    const patient = await begun(body, { 'x-gateway-priority': '7' });
    const urgent = await begun(body, { 'x-gateway-priority': '2' });
    expect(await leaderOf(urgent)).toBeNull();
    expect(await isQueued(urgent)).toBe(true);
    expect(await leaderOf(await begun({ ...body, user_id: randomUUID() }))).toBe(urgent);
    // The one that was overtaken ends as it would have, and takes nothing along.
    await api.hand.settle(patient, answered('late'));
    expect(await api.redis.keys(api.deps.keys.flight('*'))).not.toEqual([]);
  });

  test('with one that is to be stopped', async () => {
    const body = ask();
    const stopping = await begun(body);
    await api.redis.hset(api.deps.keys.job(stopping), { state: 'in_progress', run: 'r', startedMs: 1 });
    expect((await cancel(stopping)).json().status).toBe('cancelling');
    expect(await leaderOf(await begun(body))).toBeNull();
  });

  test('with one whose record is gone', async () => {
    const body = ask();
    await api.redis.del(api.deps.keys.job(await begun(body)));
    expect(await leaderOf(await begun(body))).toBeNull();
  });

  test('by more than 500: the next one leads others', async () => {
    const body = ask();
    const leader = await begun(body);
    const many = Array.from({ length: 499 }, (_, index) => [index, `job_stand_in_${index}`]).flat();
    await api.redis.zadd(api.deps.keys.followers(leader), ...many);
    expect(await leaderOf(await begun({ ...body, user_id: randomUUID() }))).toBe(leader);
    const next = await begun({ ...body, user_id: randomUUID() });
    expect(await leaderOf(next)).toBeNull();
    expect(await leaderOf(await begun({ ...body, user_id: randomUUID() }))).toBe(next);
  });

  test('across tenants', async () => {
    const { authenticator } = other.deps;
    const { caller } = authenticator;
    authenticator.caller = async () => ({ tenantId: 'another', role: 'open', scopes: ['generate', 'read'] });
    try {
      const body = ask();
      await begun(body);
      expect(await leaderOf(await begun(body, {}, other))).toBeNull();
    } finally {
      authenticator.caller = caller;
    }
  });
});

describe('cancelling', () => {
  test('one that follows ends it alone', async () => {
    const body = ask();
    const leader = await begun(body);
    const [leaving, staying] = [await begun(body), await begun(body)];
    expect((await cancel(leaving)).json()).toMatchObject({ status: 'cancelled', cost_usd: null });
    await api.hand.settle(leader, answered('still here'));
    expect(await view(staying)).toMatchObject({ status: 'completed', coalesced_into: leader });
    expect(await view(leaving)).toMatchObject({ status: 'cancelled' });
  });

  test('the one that leads, before it has begun, hands its place to the next', async () => {
    const body = ask();
    const leader = await begun(body);
    const [heir, last] = [await begun(body), await begun(body)];
    expect((await cancel(leader)).json().status).toBe('cancelled');
    await waitFor(() => isQueued(heir), { what: 'the heir is queued' });
    expect(await isQueued(leader)).toBe(false);
    expect([await leaderOf(heir), await leaderOf(last)]).toEqual([null, heir]);
    expect(await leaderOf(await begun({ ...body, user_id: randomUUID() }))).toBe(heir);
    await api.hand.settle(heir, answered('inherited'));
    expect(await view(last)).toMatchObject({ status: 'completed', cost_usd: 0 });
    expect(await view(heir)).toMatchObject({ status: 'completed', cost_usd: 0.0000975 });
  });

  test('the one that leads, while it runs, takes nobody along', async () => {
    const body = ask();
    const leader = await begun(body);
    await api.redis.hset(api.deps.keys.job(leader), { state: 'in_progress', run: 'r', startedMs: 1 });
    const follower = await begun(body);
    expect((await cancel(leader)).json().status).toBe('cancelled');
    expect(await view(follower)).toMatchObject({ status: 'in_progress', coalesced_into: leader });
    expect(await field(leader, 'stop')).toBeNull();
  });
});
