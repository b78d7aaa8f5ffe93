import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { answered, type Ending, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

// Two processes before one Redis.
let api: TestApi;
let other: TestApi;
beforeAll(async () => {
  const environment = { KEY_PREFIX: `test-${randomUUID().slice(0, 18)}`, MAX_REQUESTS_PER_MINUTE: '1000' };
  [api, other] = (await Promise.all([1, 2].map(() => startTestApi({ redisUrl: inject('redisUrl'), environment })))) as [
    TestApi,
    TestApi,
  ];
});
afterAll(() => Promise.all([api?.close(), other?.close()]));
beforeEach(() => {
  api.answers = undefined;
  other.answers = undefined;
});

const ask = (more: object = {}) => ({
  prompt: `once ${randomUUID()}`,
  model: 'gpt-4o',
  user_id: randomUUID(),
  gateway: { cache: { mode: 'off' } },
  ...more,
});
const withKey = (key: string = randomUUID()) => ({ 'idempotency-key': key });

const admitted = async ({ deps }: TestApi) =>
  (await deps.metrics.admissions.get()).values.reduce((sum, { value }) => sum + value, 0);

const jobOf = ({ headers }: LightMyRequestResponse) => String(headers['x-job-id']);

/** A request under a key whose client gave up at once: its job is under way. */
async function begun(body: object, headers: Record<string, string>): Promise<string> {
  const response = await api.generate(body, { ...headers, prefer: 'wait=0' });
  expect(response.statusCode).toBe(504);
  return jobOf(response);
}

/** A request under a key, with its job's end. */
async function ended(body: object, headers: Record<string, string>, ending: Ending): Promise<LightMyRequestResponse> {
  api.answers = () => ending;
  const response = await api.generate(body, headers);
  api.answers = undefined;
  return response;
}

const withoutTime = (response: LightMyRequestResponse) => ({ ...response.json(), latency_ms: 0 });

/** What is bound to a key: to none when the request was refused. */
const bindings = async () => (await api.redis.keys(api.deps.keys.idempotency('*'))).length;

describe('a hundred at once, through two processes', () => {
  test('are one job, one place in the queue, one request counted, and a hundred equal answers', async () => {
    const [body, headers] = [ask(), withKey()];
    const before = { ...(await api.traces(body.user_id)), admitted: (await admitted(api)) + (await admitted(other)) };
    const accepted = api.accepted.length + other.accepted.length;
    const pending = Array.from({ length: 100 }, (_, index) => (index % 2 ? api : other).generate(body, headers));
    await waitFor(async () => (await admitted(api)) + (await admitted(other)) === before.admitted + 100, {
      what: 'all are admitted',
    });
    expect(api.accepted.length + other.accepted.length).toBe(accepted + 1);
    expect(await api.traces(body.user_id)).toEqual({
      jobs: before.jobs + 1,
      queued: before.queued + 1,
      counted: [1, 1],
    });

    const id = api.accepted[accepted] ?? other.accepted.at(-1) ?? '';
    await api.hand.settle(id, answered('one for all'));
    const responses = await Promise.all(pending);
    expect(new Set(responses.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
    const [first] = responses.map(withoutTime);
    expect(first).toMatchObject({ completion: 'one for all', job_id: first?.job_id });
    for (const response of responses) {
      expect(withoutTime(response)).toEqual(first);
      expect(response.headers['x-ratelimit-remaining-requests']).toBe('99');
    }
    expect(responses.filter(({ headers }) => headers['cache-status'] === 'gateway; fwd=bypass')).toHaveLength(1);
    expect(responses.filter(({ headers }) => headers['cache-status'] === 'gateway; fwd=miss; collapsed')).toHaveLength(
      99,
    );
    expect(await api.booked(body.user_id)).toMatchObject({ requests: 1, tokens: 18 });
  });

  test('of different bodies are one job, and a refusal for all others', async () => {
    const [key, user] = [withKey(), randomUUID()];
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? api : other).generate(ask({ user_id: user }), { ...key, prefer: 'respond-async' }),
      ),
    );
    expect(responses.map(({ statusCode }) => statusCode).sort()).toEqual([202, ...Array(19).fill(422)]);
    expect((await api.traces(user)).counted).toEqual([1, 1]);
  });

  test('that want to be refused instead of joined are', async () => {
    const [body, key] = [ask(), withKey()];
    const responses = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? api : other).generate(body, { ...key, prefer: 'respond-async, handling=strict' }),
      ),
    );
    expect(responses.map(({ statusCode }) => statusCode).sort()).toEqual([202, ...Array(9).fill(409)]);
  });
});

describe('while the first one is in flight', () => {
  test('a repeat waits for the same job, and costs no quota', async () => {
    const [body, key] = [ask(), withKey()];
    const id = await begun(body, key);
    const before = await api.traces(body.user_id);
    const repeat = other.generate(body, key);
    await waitFor(() => other.deps.admission.waiter.size() === 1, { what: 'the repeat waits' });
    await api.hand.settle(id, answered('once'));
    const response = await repeat;
    expect([response.statusCode, jobOf(response), response.json().completion]).toEqual([200, id, 'once']);
    expect(response.headers['idempotent-replayed']).toBeUndefined();
    expect((await api.traces(body.user_id)).counted).toEqual(before.counted);
  });

  test('a strict repeat is refused with 409, and may be sent again', async () => {
    const [body, key] = [ask(), withKey()];
    const id = await begun(body, key);
    const response = await other.generate(body, { ...key, prefer: 'handling=strict' });
    expect(response.statusCode).toBe(409);
    expect(response.headers).toMatchObject({ 'x-should-retry': 'true', 'retry-after': '1' });
    expect(response.json()).toMatchObject({
      code: 'idempotency_in_flight',
      retryable: true,
      error: { type: 'conflict_error', code: 'idempotency_in_flight' },
    });
    expect(response.json().detail).toContain(id);
  });

  test("a strict repeat is refused even as an SDK's retry: its key says more than its body", async () => {
    const [body, key] = [ask(), withKey()];
    await begun(body, key);
    const response = await api.generate(body, {
      ...key,
      prefer: 'handling=strict',
      'x-stainless-retry-count': '1',
    });
    expect(response.statusCode).toBe(409);
  });

  test('an equal request under another key is another job, even as a retry', async () => {
    const body = ask();
    const id = await begun(body, withKey());
    const response = await api.generate(body, { ...withKey(), prefer: 'wait=0', 'x-stainless-retry-count': '1' });
    expect(jobOf(response)).not.toBe(id);
  });

  test('a repeat queues a job whose server died before it could', async () => {
    const [body, key] = [ask(), withKey()];
    const id = await begun(body, key);
    const queue = api.deps.laneQueues.producers.get('openai')?.queue;
    await queue?.remove(id); // as it is after a crash between the record and the queue
    await other.generate(body, { ...key, prefer: 'wait=0' });
    expect((await queue?.getJob(id))?.data).toMatchObject({ id });
  });

  test('a repeat that will come back for the answer frees the job of readers', async () => {
    const [body, key] = [ask(), withKey()];
    const id = await begun(body, key);
    const due = async () => Number(await api.redis.zscore(api.deps.keys.due, id)) - Date.now();
    expect(await due()).toBeLessThan(60_000);
    const response = await other.generate(body, { ...key, prefer: 'respond-async' });
    expect([response.statusCode, response.json().id]).toEqual([202, id]);
    expect(await due()).toBeGreaterThan(24 * 3_600_000);
  });

  test('a repeat is told to come again when the acceptance is taken back', async () => {
    const [body, key] = [ask(), withKey()];
    const id = await begun(body, key);
    const repeat = other.generate(body, key);
    await waitFor(() => other.deps.admission.waiter.size() === 1, { what: 'the repeat waits' });
    await api.redis.del(api.deps.keys.job(id));
    const response = await repeat;
    expect([response.statusCode, response.json().code]).toEqual([503, 'dependency_down']);
    expect(response.headers['retry-after']).toBe('1');
  });
});

describe('once the first one has ended', () => {
  test('a repeat gets the same answer, and says that it is one', async () => {
    const [body, key] = [ask(), withKey()];
    const first = await ended(body, key, answered('kept'));
    const repeat = await other.generate(body, key);
    expect(repeat.headers).toMatchObject({
      'idempotent-replayed': 'true',
      'x-job-id': first.json().job_id,
      'x-cost-usd': '0.0000975',
      'x-ratelimit-remaining-requests': '99',
    });
    expect(withoutTime(repeat)).toEqual(withoutTime(first));
    expect((await api.traces(body.user_id)).counted).toEqual([1, 1]);
    expect((await api.booked(body.user_id)).requests).toBe(1);
  });

  test('a strict repeat gets it too', async () => {
    const [body, key] = [ask(), withKey()];
    await ended(body, key, answered('kept'));
    const repeat = await api.generate(body, { ...key, prefer: 'handling=strict' });
    expect([repeat.statusCode, repeat.headers['idempotent-replayed']]).toEqual([200, 'true']);
  });

  test('a repeat that wants a stream gets the answer as one', async () => {
    const [body, key] = [ask(), withKey()];
    const first = await ended(body, key, answered('kept for a stream'));
    const repeat = await other.generate({ ...body, stream: true }, key);
    expect(repeat.headers).toMatchObject({
      'content-type': expect.stringMatching(/^text\/event-stream/),
      'idempotent-replayed': 'true',
      'x-job-id': first.json().job_id,
    });
    expect(repeat.body).toContain('kept for a stream');
    expect(repeat.body).toContain('event: job.completed');
  });

  test('an answer that was cut short is replayed', async () => {
    const [body, key] = [ask(), withKey()];
    await ended(body, key, answered('half', { finishReason: { unified: 'length', raw: 'length' } }));
    const repeat = await api.generate(body, key);
    expect([repeat.json().completion, repeat.headers['idempotent-replayed']]).toEqual(['half', 'true']);
  });

  test('an end that a repeat would not change is replayed: a cancelled job is not begun anew', async () => {
    const [body, key] = [ask(), withKey()];
    const id = await begun(body, key);
    await api.inject({ method: 'POST', url: `/v1/jobs/${id}/cancel` });
    const repeat = await other.generate(body, key);
    expect([repeat.statusCode, repeat.json().code, jobOf(repeat)]).toEqual([409, 'job_cancelled', id]);
    expect(repeat.headers).toMatchObject({ 'idempotent-replayed': 'true', 'x-should-retry': 'false' });
  });

  test.for(['provider_rate_limited', 'provider_busy', 'provider_refused', 'internal'] as const)(
    'the key of a job that failed with %s is free: a repeat is a new try',
    async (code) => {
      const [body, key] = [ask(), withKey()];
      const first = await ended(body, key, failed({ code, detail: 'Not now.' }));
      expect(first.statusCode).toBeGreaterThanOrEqual(429);
      const second = await ended(body, key, answered('now it works'));
      expect(second.json()).toMatchObject({ completion: 'now it works' });
      expect(second.headers['idempotent-replayed']).toBeUndefined();
      expect(jobOf(second)).not.toBe(jobOf(first));
      expect((await api.generate(body, key)).headers['idempotent-replayed']).toBe('true');
    },
  );

  test('a failure that ended one try does not free the key of the next one', async () => {
    const [body, key] = [ask(), withKey()];
    const first = await begun(body, key);
    const { idempotency = '' } = await api.redis.hgetall(api.deps.keys.job(first));
    await api.redis.hset(api.deps.keys.idempotency(idempotency), 'job', 'job_newer');
    await api.hand.settle(first, failed({ code: 'internal', detail: 'x' }));
    expect(await api.redis.hget(api.deps.keys.idempotency(idempotency), 'job')).toBe('job_newer');
  });

  test('a result that is no longer kept is not bought again within the life of the key', async () => {
    const [body, key] = [ask(), withKey()];
    const first = await ended(body, key, answered('short-lived'));
    await api.redis.del(api.deps.keys.job(jobOf(first)));
    const repeat = await api.generate(body, key);
    expect([repeat.statusCode, repeat.json().code]).toEqual([410, 'result_expired']);
  });
});

test('a key is kept for 24 hours', async () => {
  const id = await begun(ask(), withKey());
  const { idempotency = '' } = await api.redis.hgetall(api.deps.keys.job(id));
  const kept = await api.redis.pttl(api.deps.keys.idempotency(idempotency));
  expect(kept).toBeGreaterThan(24 * 3_600_000 - 60_000);
  expect(kept).toBeLessThanOrEqual(24 * 3_600_000);
});

describe('a key with another request', () => {
  test('is refused, and the first request stands', async () => {
    const [body, key] = [ask(), withKey()];
    const id = await begun(body, key);
    const response = await other.generate({ ...body, temperature: 0 }, key);
    expect(response.statusCode).toBe(422);
    expect(response.headers['x-should-retry']).toBe('false');
    expect(response.json()).toMatchObject({
      code: 'idempotency_key_reused',
      retryable: false,
      error: { type: 'invalid_request_error', code: 'idempotency_key_reused', param: 'idempotency-key' },
    });
    expect(jobOf(await api.generate(body, { ...key, prefer: 'wait=0' }))).toBe(id);
  });

  test.for([
    ['another prompt', { prompt: 'other' }, {}],
    ['another user', { user_id: 'u2' }, {}],
    ['another user by header', {}, { 'x-user-id': 'u2' }],
    ['other metadata', { metadata: { a: 'b' } }, {}],
    ['a request_id', { request_id: 'mine' }, {}],
  ] as [string, object, Record<string, string>][])('%s makes another one', async ([, more, headers]) => {
    const [body, key] = [ask(), withKey()];
    await begun(body, key);
    expect((await api.generate({ ...body, ...more }, { ...key, ...headers })).statusCode).toBe(422);
  });

  test.for([
    ['gateway members', { gateway: { cache: { ttl: 5 }, priority: 1, on_disconnect: 'cancel' } }, {}],
    ['a webhook', { webhook: 'https://example.com/hook' }, {}],
    ['members that nobody knows', { whatever: 1 }, {}],
    ['null for absent', { top_p: null }, {}],
    ['headers that say how to queue it', {}, { 'x-gateway-priority': '1', 'x-gateway-deadline': '60' }],
    ['another request id', {}, { 'x-request-id': 'another-one' }],
  ] as [string, object, Record<string, string>][])('%s make the same one', async ([, more, headers]) => {
    const [body, key] = [ask(), withKey()];
    const id = await begun(body, key);
    expect(jobOf(await api.generate({ ...body, ...more }, { ...key, ...headers, prefer: 'wait=0' }))).toBe(id);
  });
});

describe('the scope of a key', () => {
  test('is the path: a job of its own at /v1/jobs', async () => {
    const [body, key] = [ask(), withKey()];
    const id = await begun(body, key);
    const submit = () =>
      api.inject({
        method: 'POST',
        url: '/v1/jobs',
        payload: { endpoint: '/v1/generate', body },
        headers: { 'content-type': 'application/json', ...key },
      });
    const [first, repeat] = [await submit(), await submit()];
    expect([first.statusCode, repeat.statusCode]).toEqual([202, 202]);
    expect(first.json().id).not.toBe(id);
    expect(repeat.json().id).toBe(first.json().id);
  });

  test('is the tenant', async () => {
    const { authenticator } = other.deps;
    const { caller } = authenticator;
    authenticator.caller = async () => ({ tenantId: 'another', role: 'open', scopes: ['generate', 'read'] });
    try {
      const [body, key] = [ask(), withKey()];
      const id = await begun(body, key);
      const foreign = await other.generate({ ...body, prompt: 'quite another' }, { ...key, prefer: 'wait=0' });
      expect(foreign.statusCode).toBe(504);
      expect(jobOf(foreign)).not.toBe(id);
    } finally {
      authenticator.caller = caller;
    }
  });

  test('has no place for the way in which it is written: quoted and bare are one', async () => {
    const [body, key] = [ask(), `a\\"b-${randomUUID()}`];
    const id = await begun(body, withKey(`"${key}"`));
    expect(jobOf(await api.generate(body, { ...withKey(key.replace('\\', '')), prefer: 'wait=0' }))).toBe(id);
  });
});

describe('no key is bound', () => {
  test.for([
    ['', 'empty'],
    ['two words', 'a space'],
    ['naïve', 'a letter beyond ASCII'],
    ['k'.repeat(256), '256 characters'],
    ['""', 'an empty string'],
  ])('by "%s": it is refused because of %s', async ([key = '']) => {
    const before = await bindings();
    const response = await api.generate(ask(), withKey(key));
    expect([response.statusCode, response.json().error.param]).toEqual([400, 'idempotency-key']);
    expect(await bindings()).toBe(before);
  });

  test.for([
    ['a body that is refused', 422, { temperature: 9 }],
    ['an unknown model', 422, { model: 'gpt-nope' }],
    ['malformed JSON', 400, undefined],
  ] as const)('by %s', async ([, status, more]) => {
    const [body, key] = [ask(), withKey()];
    const before = await bindings();
    const refused = await api.generate(more === undefined ? '{"prompt"' : { ...body, ...more }, key);
    expect(refused.statusCode).toBe(status);
    expect(await bindings()).toBe(before);
    expect((await ended(body, key, answered('x'))).statusCode).toBe(200);
  });

  test('by a request beyond the limit', async () => {
    const limited = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1' } });
    const [body, key] = [ask(), withKey()];
    await limited.generate(ask({ user_id: body.user_id }), { prefer: 'wait=0' });
    expect((await limited.generate(body, key)).statusCode).toBe(429);
    expect(await limited.redis.keys(limited.deps.keys.idempotency('*'))).toEqual([]);
    expect((await limited.generate({ ...body, prompt: 'other' }, key)).statusCode).toBe(429);
    await limited.close();
  });

  test('by a request that finds its lane full', async () => {
    const full = await startTestApi({ redisUrl: inject('redisUrl'), environment: { LANE_DEPTH_MAX: '1' } });
    const { keys } = full.deps;
    const refused = await waitFor(
      async () => {
        const [body, key] = [ask(), withKey()];
        const { statusCode } = await full.generate(body, { ...key, prefer: 'wait=0' });
        return statusCode === 503 && { body, key };
      },
      { what: 'the lane is full' },
    );
    expect(await full.redis.keys(keys.idempotency('*'))).toHaveLength(full.accepted.length);
    // What the key is asked for next is not compared with what was refused.
    const next = await full.generate({ ...refused.body, temperature: 0 }, { ...refused.key, prefer: 'wait=0' });
    expect(next.statusCode).toBe(503);
    await full.close();
  });
});

describe('an answer from the cache', () => {
  const cached = () => {
    const { gateway: _, ...body } = ask();
    return body;
  };

  test('gets a job of its own under a key, and that is replayed', async () => {
    const body = cached();
    const paid = await ended(body, {}, answered('kept'));
    const key = withKey();
    const hit = await other.generate(body, key);
    expect(hit.json()).toMatchObject({ completion: 'kept', cached: true });
    expect(hit.headers['cache-status']).toMatch(/^gateway; hit; ttl=\d+$/);
    expect(hit.headers['x-cost-usd']).toBe('0');
    expect(Number(hit.headers.age)).toBeGreaterThanOrEqual(0);
    expect(jobOf(hit)).not.toBe(jobOf(paid));
    await api.inject({ method: 'DELETE', url: '/v1/cache/clear' });
    const repeat = await api.generate(body, key);
    expect(repeat.headers['idempotent-replayed']).toBe('true');
    expect(withoutTime(repeat)).toEqual(withoutTime(hit));
    expect((await api.traces(body.user_id)).counted).toEqual([1, 1]);
    expect(await api.booked(body.user_id)).toMatchObject({ requests: 2, cached: 1, tokens: 18 });
  });

  test('answers a client that would come back for it at once, with or without a key', async () => {
    const body = cached();
    await ended(body, {}, answered('kept'));
    for (const headers of [{}, withKey()]) {
      const response = await api.generate(body, { ...headers, prefer: 'respond-async' });
      expect([response.statusCode, response.json().completion]).toEqual([200, 'kept']);
    }
  });

  test('of a moment later does not take the place of the job that the key is bound to', async () => {
    const [body, key] = [cached(), withKey()];
    const first = await ended(body, key, answered('first'));
    const repeat = await api.generate(body, key);
    expect([jobOf(repeat), repeat.json().cached]).toEqual([jobOf(first), false]);
  });
});
