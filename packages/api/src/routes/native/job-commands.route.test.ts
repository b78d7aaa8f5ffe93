import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { answered, type Ending, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

const unlimited = { MAX_REQUESTS_PER_MINUTE: '1000', MAX_REQUESTS_PER_HOUR: '100000' };

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: unlimited });
});
afterAll(() => api?.close());

const inner = () => ({ prompt: `command ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1' });

async function submit(more: object = {}, body: object = inner(), headers: Record<string, string> = {}) {
  const payload = { endpoint: '/v1/generate', body, ...more };
  const response = await api.inject({ method: 'POST', url: '/v1/jobs', payload, headers });
  expect(response.statusCode).toBe(202);
  return response.json().id as string;
}

async function ended(ending: Ending = answered('x')): Promise<string> {
  const id = await submit();
  await api.hand.settle(id, ending);
  return id;
}

/** As a worker leaves it that calls the provider for it. */
async function begin(id: string): Promise<void> {
  await api.hand.begin(id);
  await api.redis.hset(api.deps.keys.job(id), 'run', 'run-1');
}

const post = (id: string, command: 'cancel' | 'release') =>
  api.inject({ method: 'POST', url: `/v1/jobs/${id}/${command}` });
const remove = (id: string) => api.inject({ method: 'DELETE', url: `/v1/jobs/${id}` });

const statusOf = async (id: string) => (await api.get(`/v1/jobs/${id}`)).json().status;
const isQueued = async (id: string) =>
  (await api.deps.laneQueues.producers.get('openai')?.queue.getJob(id)) !== undefined;
const field = (id: string, name: string) => api.redis.hget(api.deps.keys.job(id), name);

/** A leader whose call goes on for its follower after it has left. */
async function detached(): Promise<{ leader: string; follower: string }> {
  const body = inner();
  const leader = await submit({}, body);
  await begin(leader);
  const follower = await submit({}, body);
  expect((await post(leader, 'cancel')).statusCode).toBe(200);
  return { leader, follower };
}

describe('POST /v1/jobs/{id}/cancel', () => {
  test('200 for one that waits: cancelled at once, and out of the queue', async () => {
    const id = await submit();
    const response = await post(id, 'cancel');
    expect(response.statusCode).toBe(200);
    expect(response.headers['x-job-id']).toBe(id);
    expect(response.json()).toMatchObject({
      id,
      status: 'cancelled',
      error: { code: 'job_cancelled' },
      cost_usd: null,
      finished_at: expect.any(String),
    });
    expect(await isQueued(id)).toBe(false);
    expect((await api.get(`/v1/jobs/${id}/result`)).statusCode).toBe(409);
  });

  test.for([
    ['delayed', { delay_s: 60 }],
    ['held', { hold: true }],
  ] as const)('200 for one that is %s', async ([, more]) => {
    const id = await submit(more);
    expect((await post(id, 'cancel')).json().status).toBe('cancelled');
    expect(await isQueued(id)).toBe(false);
  });

  test('200 for one that waits for its next attempt', async () => {
    const id = await submit();
    await api.hand.begin(id);
    expect((await post(id, 'cancel')).json().status).toBe('cancelled');
    expect(await isQueued(id)).toBe(false);
  });

  test('202 for one that runs: its worker is told, and it is cancelling until that has heard', async () => {
    const id = await submit();
    await begin(id);
    const worker = new Redis(inject('redisUrl'));
    const told = once(worker, 'message');
    await worker.subscribe(api.deps.keys.control);
    const response = await post(id, 'cancel');
    expect(response.statusCode).toBe(202);
    expect(response.json()).toMatchObject({ status: 'cancelling', cancel_requested_at: expect.any(String) });
    expect(await told).toEqual([api.deps.keys.control, `${id} cancel`]);
    worker.disconnect();
    const again = await post(id, 'cancel');
    expect([again.statusCode, again.json().status]).toEqual([202, 'cancelling']);
    expect(await isQueued(id)).toBe(true);
  });

  test.for([
    ['completed', answered('x')],
    ['incomplete', answered('x', { finishReason: { unified: 'length', raw: 'length' } })],
    ['failed', failed({ code: 'provider_busy', detail: 'Busy.' })],
    ['cancelled', { state: 'cancelled', failure: { code: 'job_cancelled', detail: 'Before.' } }],
    ['expired', { state: 'expired', failure: { code: 'job_abandoned', detail: 'Before.' } }],
  ] as [string, Ending][])('200 for one that is %s: nothing changes', async ([status, ending]) => {
    const id = await ended(ending);
    const before = (await api.get(`/v1/jobs/${id}`)).json();
    const response = await post(id, 'cancel');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual(before);
    expect(before.status).toBe(status);
  });

  test('a follower leaves alone', async () => {
    const body = inner();
    const [leader, follower] = [await submit({}, body), await submit({}, body)];
    expect((await post(follower, 'cancel')).json()).toMatchObject({ status: 'cancelled', coalesced_into: leader });
    expect(await statusOf(leader)).toBe('queued');
    expect(await isQueued(leader)).toBe(true);
  });

  test('a leader that waits hands its place to its follower', async () => {
    const body = inner();
    const [leader, follower] = [await submit({}, body), await submit({}, body)];
    expect((await post(leader, 'cancel')).json().status).toBe('cancelled');
    expect((await api.get(`/v1/jobs/${follower}`)).json()).toMatchObject({ status: 'queued', coalesced_into: null });
    expect([await isQueued(leader), await isQueued(follower)]).toEqual([false, true]);
  });

  test('a leader that runs only leaves: the call goes on for its follower', async () => {
    const { leader, follower } = await detached();
    expect(await statusOf(leader)).toBe('cancelled');
    expect(await statusOf(follower)).toBe('in_progress');
    expect(await isQueued(leader)).toBe(true);
  });

  test.for([
    ['an empty body with a content type', { 'content-type': 'application/json' }, ''],
    ['an empty object', { 'content-type': 'application/json' }, '{}'],
  ] as const)('%s is no fault', async ([, headers, payload]) => {
    const id = await submit();
    const url = `/v1/jobs/${id}/cancel`;
    expect((await api.inject({ method: 'POST', url, headers, payload })).statusCode).toBe(200);
  });

  test('broken JSON is one, as everywhere', async () => {
    const url = `/v1/jobs/${await submit()}/cancel`;
    const headers = { 'content-type': 'application/json' };
    const response = await api.inject({ method: 'POST', url, headers, payload: '{' });
    expect([response.statusCode, response.json().code]).toEqual([400, 'malformed_request']);
  });
});

describe('POST /v1/jobs/{id}/release', () => {
  test('a job that is held is not queued until then, and only once', async () => {
    const id = await submit({ hold: true });
    expect((await api.get(`/v1/jobs/${id}`)).json()).toMatchObject({ status: 'queued', held: true });
    expect((await api.get(`/v1/jobs/${id}`)).json().queue_position).toBeNull();
    expect(await isQueued(id)).toBe(false);

    for (let times = 0; times < 2; times += 1) {
      const response = await post(id, 'release');
      expect([response.statusCode, response.json().held]).toEqual([200, false]);
      expect(await isQueued(id)).toBe(true);
    }
  });

  test('takes its turn as of then: behind those of its user that were accepted meanwhile', async () => {
    const user = { ...inner(), user_id: randomUUID() };
    const held = await submit({ hold: true }, { ...user, seed: 0 });
    expect(await field(held, 'tag')).toBeNull();
    const others = [await submit({}, { ...user, seed: 1 }), await submit({}, { ...user, seed: 2 })];
    await post(held, 'release');
    const tags = await Promise.all([...others, held].map(async (id) => Number(await field(id, 'tag'))));
    expect(tags).toEqual([...tags].sort((one, two) => one - two));
    expect(new Set(tags).size).toBe(3);
    const job = await api.deps.laneQueues.producers.get('openai')?.queue.getJob(held);
    expect(String(job?.opts.priority)).toBe(await field(held, 'queuePriority'));
  });

  test('a delay goes on counting from its acceptance', async () => {
    const id = await submit({ hold: true, delay_s: 60 });
    const { held, delayed_until } = (await post(id, 'release')).json();
    expect(held).toBe(false);
    expect(await isQueued(id)).toBe(false);
    expect(await api.redis.zscore(api.deps.keys.due, id)).toBe(String(Date.parse(delayed_until)));
  });

  test('what a crash keeps from its lane is left to the keeper of time', async () => {
    const id = await submit({ hold: true });
    const { requeue } = api.deps.laneQueues;
    api.deps.laneQueues.requeue = () => Promise.reject(new Error('killed'));
    expect((await post(id, 'release')).statusCode).toBe(200);
    api.deps.laneQueues.requeue = requeue;
    expect(await isQueued(id)).toBe(false);
    expect(await api.redis.zscore(api.deps.keys.unqueued, id)).not.toBeNull();
  });

  test('200 for one that was never held: nothing changes', async () => {
    const id = await submit();
    const before = await api.redis.hgetall(api.deps.keys.job(id));
    expect((await post(id, 'release')).statusCode).toBe(200);
    expect(await api.redis.hgetall(api.deps.keys.job(id))).toEqual(before);
  });

  test('409 for one that has ended', async () => {
    const id = await submit({ hold: true });
    await post(id, 'cancel');
    const response = await post(id, 'release');
    expect([response.statusCode, response.json().code]).toEqual([409, 'conflict']);
    expect(response.json()).toMatchObject({ job_id: id, retryable: false });
  });
});

describe('DELETE /v1/jobs/{id}', () => {
  test('204, and nothing is left of it but what it cost', async () => {
    const body = { ...inner(), user_id: randomUUID() };
    const id = await submit({}, body, { 'idempotency-key': randomUUID() });
    await api.hand.settle(id, answered('x'));
    const before = await api.booked(body.user_id);
    expect(before.requests).toBe(1);

    const response = await remove(id);
    expect([response.statusCode, response.body]).toEqual([204, '']);
    const { keys, redis } = api.deps;
    const left: string[] = [];
    for await (const names of redis.scanStream({ match: keys.job('*').replace('job:*', `*${id}*`) })) {
      left.push(...(names as string[]).filter((name) => !name.startsWith(keys.queuePrefix)));
    }
    expect(left).toEqual([]);
    const lists = [
      keys.due,
      keys.jobIndex('default', 'all'),
      keys.jobIndex('default', 'open'),
      keys.jobIndex('default', 'user', body.user_id),
      keys.jobIndex('default', 'model', 'openai/gpt-4o'),
    ];
    for (const list of lists) expect(await redis.zscore(list, id)).toBeNull();
    expect(await api.booked(body.user_id)).toEqual(before);
    for (const path of ['', '/result', '/events'])
      expect((await api.get(`/v1/jobs/${id}${path}`)).statusCode).toBe(404);
    expect((await remove(id)).statusCode).toBe(404);
  });

  test('its key is free for a new job', async () => {
    const [body, key] = [inner(), { 'idempotency-key': randomUUID() }];
    const id = await submit({}, body, key);
    await post(id, 'cancel');
    expect((await remove(id)).statusCode).toBe(204);
    expect(await submit({}, body, key)).not.toBe(id);
  });

  test('one in the list of its final state is in it no more', async () => {
    const id = await ended(failed({ code: 'provider_busy', detail: 'Busy.' }));
    const list = api.deps.keys.jobIndex('default', 'state', 'failed');
    expect(await api.redis.zscore(list, id)).not.toBeNull();
    await remove(id);
    expect(await api.redis.zscore(list, id)).toBeNull();
  });

  test.for(['queued', 'held', 'in_progress', 'cancelling'])('409 for one that is %s', async (status) => {
    const id = await submit(status === 'held' ? { hold: true } : {});
    if (status === 'in_progress' || status === 'cancelling') await begin(id);
    if (status === 'cancelling') await post(id, 'cancel');
    const response = await remove(id);
    expect([response.statusCode, response.json().code]).toEqual([409, 'conflict']);
    expect(response.json().detail).toContain('cancel it first');
    expect((await api.get(`/v1/jobs/${id}`)).statusCode).toBe(200);
  });

  test('409 for one whose call goes on for others: they keep it, and what it costs is counted', async () => {
    const { leader, follower } = await detached();
    expect((await remove(leader)).json()).toMatchObject({ status: 409, code: 'conflict' });
    expect(await api.redis.zrange(api.deps.keys.followers(leader), '0', '-1')).toEqual([follower]);

    await post(follower, 'cancel');
    // The call is given up, and its worker has yet to say what it came to.
    expect((await remove(leader)).statusCode).toBe(409);
    await api.redis.hdel(api.deps.keys.job(leader), 'detached');
    expect((await remove(leader)).statusCode).toBe(204);
  });

  test('an empty body with a content type is no fault', async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await api.inject({ method: 'DELETE', url: `/v1/jobs/${await ended()}`, headers, payload: '' });
    expect(response.statusCode).toBe(204);
  });
});

describe('404', () => {
  const commands = [
    ['POST', '/cancel'],
    ['POST', '/release'],
    ['DELETE', ''],
  ] as const;

  test.for(commands)('%s …%s for an id of nobody, and just so for one of another tenant', async ([method, path]) => {
    const foreign = await submit({ hold: true });
    await api.redis.hset(api.deps.keys.job(foreign), 'tenant', 'somebody-else');
    const kept = await api.redis.hgetall(api.deps.keys.job(foreign));
    for (const id of [foreign, makeJobId(), 'job_1']) {
      const response = await api.inject({ method, url: `/v1/jobs/${id}${path}` });
      expect([response.statusCode, response.json().code]).toEqual([404, 'not_found']);
    }
    expect(await api.redis.hgetall(api.deps.keys.job(foreign))).toEqual(kept);
  });

  test.for(commands)('%s …%s works by the ids of the other dialects', async ([method, path]) => {
    const id = await submit({ hold: true });
    if (method === 'DELETE') await post(id, 'cancel');
    const response = await api.inject({ method, url: `/v1/jobs/${id.replace('job_', 'chatcmpl-')}${path}` });
    expect(response.statusCode).toBeLessThan(300);
    expect(response.headers['x-job-id']).toBe(id);
  });
});
