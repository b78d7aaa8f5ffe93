import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { answered, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';
import { generationEndpoints } from '../generation-endpoints.ts';

const unlimited = { MAX_REQUESTS_PER_MINUTE: '1000', MAX_REQUESTS_PER_HOUR: '100000' };

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: unlimited });
});
afterAll(() => api?.close());
beforeEach(() => {
  api.answers = undefined;
});

const inner = (more: object = {}) => ({ prompt: `queue ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1', ...more });
const ask = (more: object = {}, body: object = inner()) => ({ endpoint: '/v1/generate', body, ...more });

const submit = (payload: object, headers: Record<string, string> = {}) =>
  api.inject({ method: 'POST', url: '/v1/jobs', payload, headers });

const recordOf = async (id: string) => parseJobRecord(await api.redis.hgetall(api.deps.keys.job(id)));
const place = (id: string) => api.deps.laneQueues.producers.get('openai')?.queue.getJob(id);

describe('202', () => {
  test('at once, with the job and where it is', async () => {
    const response = await submit(ask());
    const id = api.accepted.at(-1);
    expect(response.statusCode).toBe(202);
    expect(response.headers).toMatchObject({
      location: `/v1/jobs/${id}`,
      'preference-applied': 'respond-async',
      'retry-after': '1',
      'x-job-id': id,
      'cache-status': 'gateway; fwd=miss',
      'ratelimit-policy': '"minute";q=1000;w=60, "hour";q=100000;w=3600',
    });
    expect(response.json()).toMatchObject({ id, status: 'queued', endpoint: '/v1/generate', user_id: 'u1' });
    expect(await place(response.json().id)).toBeDefined();
    expect(api.deps.admission.waiter.size()).toBe(0);
  });

  test('the job is as the envelope asks, whatever the inner body and the headers say', async () => {
    const before = Date.now();
    const response = await submit(
      ask(
        {
          custom_id: 'mine',
          webhook: { url: 'https://example.com/outer', events: ['job.failed'] },
          priority: 2,
          delay_s: 30,
          deadline_s: 120,
          start_deadline_s: 60,
          result_ttl_s: 3600,
          on_disconnect: 'cancel',
          metadata: { from: 'envelope' },
        },
        inner({
          webhook: 'https://example.com/inner',
          metadata: { from: 'body' },
          gateway: { priority: 9, deadline_s: 5, on_disconnect: 'continue' },
        }),
      ),
      { 'x-gateway-priority': '7', 'x-gateway-deadline': '9' },
    );
    const job = response.json();
    const after = (ms: number, text: string) => {
      expect(Date.parse(text)).toBeGreaterThanOrEqual(before + ms - 1000);
      expect(Date.parse(text)).toBeLessThanOrEqual(Date.now() + ms + 1000);
    };
    expect(job).toMatchObject({
      custom_id: 'mine',
      priority: 2,
      metadata: { from: 'envelope' },
      webhook: { url: 'https://example.com/outer', events: ['job.failed'] },
    });
    after(30_000, job.delayed_until);
    after(60_000, job.start_deadline_at);
    after(120_000, job.deadline_at);
    expect(await recordOf(job.id)).toMatchObject({ resultTtlMs: 3_600_000, onDisconnect: 'cancel' });
    // It takes its place in the lane when its time has come.
    expect(await place(job.id)).toBeUndefined();
    expect(await api.redis.zscore(api.deps.keys.due, job.id)).toBe(String(Date.parse(job.delayed_until)));
  });

  test('what the envelope leaves out is as the inner body says', async () => {
    const body = inner({ metadata: { from: 'body' }, gateway: { priority: 9 } });
    expect((await submit(ask({ priority: null }, body))).json()).toMatchObject({
      priority: 9,
      metadata: { from: 'body' },
      custom_id: null,
    });
  });

  test('null members are as good as absent, and a stream cannot be asked for', async () => {
    const response = await submit(ask({ webhook: null, delay_s: null }, inner({ system: null, stream: true })));
    expect(response.statusCode).toBe(202);
    expect(await recordOf(response.json().id)).not.toHaveProperty('stream');
  });

  test('it goes on without a reader', async () => {
    const { id } = (await submit(ask({ on_disconnect: 'cancel' }))).json();
    expect(await recordOf(id)).not.toHaveProperty('graceMs');
  });

  test('equal bodies share a call, and each has its job', async () => {
    const body = inner();
    const [leader, follower] = [(await submit(ask({}, body))).json(), (await submit(ask({}, body))).json()];
    expect(follower).toMatchObject({ coalesced_into: leader.id, status: 'queued' });
    expect(follower.id).not.toBe(leader.id);
  });
});

describe('Prefer: wait', () => {
  test('200 when the job is done in time', async () => {
    api.answers = () => answered('quick');
    const response = await submit(ask(), { prefer: 'wait=20' });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ status: 'completed', output_chars: 5, cost_usd: 0.0000975 });
    expect(response.headers.location).toBe(`/v1/jobs/${response.json().id}`);
  });

  test('200 for a failure too: the job is what was asked for', async () => {
    api.answers = () => failed({ code: 'provider_refused', detail: 'No.' });
    const response = await submit(ask(), { prefer: 'wait=20' });
    expect([response.statusCode, response.json().status]).toEqual([200, 'failed']);
  });

  test('202 when it is not', async () => {
    const response = await submit(ask(), { prefer: 'wait=1' });
    expect([response.statusCode, response.json().status]).toEqual([202, 'queued']);
    expect(api.deps.admission.waiter.size()).toBe(0);
  });
});

test('Prefer: return=minimal tells no more than where the job is found, ended or not', async () => {
  api.answers = () => answered('quick');
  const done = await submit(ask(), { prefer: 'wait=20, return=minimal' });
  expect([done.statusCode, done.headers['preference-applied']]).toEqual([200, 'return=minimal']);
  expect(Object.keys(done.json())).toEqual(['id', 'object', 'status', 'urls']);
  expect(done.json().status).toBe('completed');
  api.answers = undefined;
  const queued = await submit(ask(), { prefer: 'return=minimal' });
  expect([queued.statusCode, queued.headers['preference-applied']]).toEqual([202, 'respond-async, return=minimal']);
  expect(Object.keys(queued.json())).toEqual(['id', 'object', 'status', 'urls']);
});

test('201 with a completed job of its own when the answer is in the cache', async () => {
  api.answers = () => answered('kept');
  const body = inner();
  await api.generate(body);
  const response = await submit(ask({ metadata: { a: 'b' } }, body));
  expect(response.statusCode).toBe(201);
  expect(response.json()).toMatchObject({
    status: 'completed',
    cached: true,
    cost_usd: 0,
    metadata: { a: 'b' },
    usage: { total_tokens: 18 },
  });
  expect(response.headers).toMatchObject({
    'cache-status': expect.stringMatching(/^gateway; hit; ttl=\d+$/),
    location: `/v1/jobs/${response.json().id}`,
  });
  const result = await api.get(`/v1/jobs/${response.json().id}/result`);
  expect(result.json()).toMatchObject({ completion: 'kept', cached: true });
});

describe('the same request again', () => {
  const keyed = () => ({ 'idempotency-key': randomUUID() });

  test('under an Idempotency-Key is the same job, replayed once it has ended', async () => {
    const [request, headers] = [ask(), keyed()];
    const first = await submit(request, headers);
    const { id } = first.json();
    const attached = await submit(request, headers);
    expect([attached.statusCode, attached.json().id]).toEqual([202, id]);
    for (const response of [first, attached]) expect(response.headers).not.toHaveProperty('idempotent-replayed');

    await api.hand.settle(id, answered('done'));
    const replayed = await submit(request, headers);
    expect(replayed.statusCode).toBe(200);
    expect(replayed.json()).toMatchObject({ id, status: 'completed' });
    expect(replayed.headers['idempotent-replayed']).toBe('true');
  });

  test('is another one under a key of another route', async () => {
    const [body, headers] = [inner(), keyed()];
    const job = await submit(ask({}, body), headers);
    const sync = await api.generate(body, { ...headers, prefer: 'respond-async' });
    expect(sync.statusCode).toBe(202);
    expect(sync.json().id).not.toBe(job.json().id);
  });

  test.for([
    ['another inner body', {}, { seed: 1 }],
    ['another custom_id', { custom_id: 'other' }, {}],
  ] as [string, object, object][])('422 with %s under the same key', async ([, more, changes]) => {
    const [body, headers] = [inner(), keyed()];
    await submit(ask({ custom_id: 'one' }, body), headers);
    const response = await submit(ask({ custom_id: 'one', ...more }, { ...body, ...changes }), headers);
    expect([response.statusCode, response.json().code]).toEqual([422, 'idempotency_key_reused']);
  });

  test('is the same job with another way to queue it', async () => {
    const [body, headers] = [inner(), keyed()];
    const first = await submit(ask({}, body), headers);
    const second = await submit(ask({ priority: 1, metadata: { a: 'b' }, deadline_s: 9 }, body), headers);
    expect(second.json().id).toBe(first.json().id);
  });

  test('as an SDK repeats it finds its job without a key; without that header it is a new one', async () => {
    const request = ask();
    const { id } = (await submit(request)).json();
    const retry = await submit(request, { 'x-stainless-retry-count': '1' });
    expect([retry.statusCode, retry.json().id]).toEqual([202, id]);
    expect((await submit(request)).json().id).not.toBe(id);
  });
});

describe('422', () => {
  const notOffered = `must be ${generationEndpoints.map(({ path }) => `"${path}"`).join(' or ')}`;

  test.for([
    ['endpoint', { endpoint: undefined }, '/endpoint', notOffered],
    ['endpoint', { endpoint: '/v1/jobs', body: {} }, '/endpoint', notOffered],
    ['endpoint', { endpoint: '/v1/models', body: 5 }, '/endpoint', notOffered],
    ['endpoint', { endpoint: '/v1/nonsense' }, '/endpoint', notOffered],
    ['body', { body: undefined }, '/body', 'is required'],
    ['body', { body: 'x' }, '/body', 'must be an object'],
    ['body.temperature', { body: inner({ temperature: 3 }) }, '/body/temperature', 'must be <= 2'],
    ['body.metadata', { body: inner({ metadata: { 'a/b': 1 } }) }, '/body/metadata/a~1b', 'must be a string'],
    ['body.user_id', { body: inner({ user_id: undefined }) }, '/body/user_id', 'is required'],
    ['body.max_tokens', { body: inner({ max_tokens: 999_999 }) }, '/body/max_tokens', 'must be <= 16384 for gpt-4o'],
    ['custom_id', { custom_id: '' }, '/custom_id', 'must have at least 1 character'],
    ['priority', { priority: 0 }, '/priority', 'must be >= 1'],
    ['delay_s', { delay_s: 86_401 }, '/delay_s', 'must be <= 86400'],
    ['delay_s', { delay_s: 0.5 }, '/delay_s', 'must be a whole number'],
    ['deadline_s', { deadline_s: 0 }, '/deadline_s', 'must be >= 1'],
    ['deadline_s', { deadline_s: 60, delay_s: 60 }, '/deadline_s', 'must be > delay_s'],
    ['start_deadline_s', { start_deadline_s: 5, delay_s: 60 }, '/start_deadline_s', 'must be > delay_s'],
    ['result_ttl_s', { result_ttl_s: 59 }, '/result_ttl_s', 'must be >= 60'],
    ['result_ttl_s', { result_ttl_s: 2_592_001 }, '/result_ttl_s', 'must be <= 2592000'],
    ['on_disconnect', { on_disconnect: 'x' }, '/on_disconnect', 'must be one of "continue", "cancel"'],
    ['hold', { hold: 'yes' }, '/hold', 'must be true or false'],
    ['metadata', { metadata: { a: 1 } }, '/metadata/a', 'must be a string'],
    ['webhook', { webhook: 'ftp://example.com' }, '/webhook', 'must be an http(s) URL'],
  ] as [string, object, string, string][])('$0: $2 $3', async ([, more, pointer, detail]) => {
    const before = await api.traces('u1');
    const response = await submit(ask(more));
    expect([response.statusCode, response.json().errors]).toEqual([422, [{ pointer, detail }]]);
    expect(response.json().detail).toBe(`${pointer}: ${detail}`);
    expect(await api.traces('u1')).toEqual(before);
  });

  test.for([
    ['/body/model', ask({}, inner({ model: 'gpt-99' }))],
    ['/webhook', ask({ webhook: 'https://127.0.0.1/' })],
    ['/body/webhook', ask({}, inner({ webhook: 'https://127.0.0.1/' }))],
    ['/body/gateway/webhook', ask({}, inner({ gateway: { webhook: 'https://127.0.0.1/' } }))],
  ] as const)('what is found later is named as it was sent too: %s', async ([pointer, payload]) => {
    const response = await submit(payload);
    expect([response.statusCode, response.json().errors]).toEqual([422, [{ pointer, detail: expect.any(String) }]]);
  });

  test('a header keeps its name', async () => {
    const response = await submit(ask(), { 'x-gateway-priority': '11' });
    expect(response.json().errors[0].pointer).toBe('x-gateway-priority');
  });
});

test('429 as everywhere', async () => {
  const limited = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1' } });
  const send = () => limited.inject({ method: 'POST', url: '/v1/jobs', payload: ask() });
  expect((await send()).statusCode).toBe(202);
  const refused = await send();
  expect([refused.statusCode, refused.json().code]).toEqual([429, 'rate_limited']);
  expect(refused.headers['x-ratelimit-remaining-requests']).toBe('0');
  await limited.close();
});
