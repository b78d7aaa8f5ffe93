import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { answered, type Ending, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
let url: string;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api?.close());

async function submit(more: object = {}): Promise<string> {
  const body = { prompt: `job ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1', ...more };
  const response = await api.generate(body, { prefer: 'respond-async' });
  expect(response.statusCode).toBe(202);
  return response.json().id;
}

async function ended(ending: Ending, more: object = {}): Promise<string> {
  const id = await submit(more);
  await api.hand.settle(id, ending);
  return id;
}

/** The answer's head and bytes as they are on the wire, which `inject` would hide. */
function onTheWire(path: string, headers: Record<string, string>) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; headers: object; bytes: number }>();
  const outgoing = httpRequest(`${url}${path}`, { headers, agent: false }, (response) => {
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes }));
  });
  outgoing.on('error', reject).end();
  return promise;
}

test('a client that leaves while it waits leaves no wait behind', async () => {
  const { waiter } = api.deps.admission;
  const client = new AbortController();
  const path = `${url}/v1/jobs/${await submit()}`;
  const left = fetch(path, { headers: { prefer: 'wait=60' }, signal: client.signal }).catch(() => 'left');
  await waitFor(() => waiter.size() === 1, { what: 'it waits' });
  client.abort();
  expect(await left).toBe('left');
  await waitFor(() => waiter.size() === 0, { what: 'the wait is given up', timeoutMs: 2000 });
});

describe('GET /v1/jobs/{id}', () => {
  describe('200', () => {
    test('one that waits', async () => {
      const id = await submit({ metadata: { team: 'blue' }, model: 'claude-3-5-sonnet' });
      const response = await api.get(`/v1/jobs/${id}`);
      expect(response.statusCode).toBe(200);
      expect(response.headers).toMatchObject({ 'x-job-id': id, 'retry-after': '1', 'cache-control': 'no-cache' });
      expect(response.json()).toEqual({
        id,
        object: 'job',
        queue_position: 0,
        priority: 5,
        held: false,
        delayed_until: null,
        start_deadline_at: null,
        deadline_at: null,
        cancel_requested_at: null,
        coalesced_into: null,
        custom_id: null,
        webhook: null,
        last_sequence: 0,
        status: 'queued',
        endpoint: '/v1/generate',
        model: 'anthropic/claude-3-5-sonnet',
        user_id: 'u1',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        queued_at: response.json().created_at,
        started_at: null,
        finished_at: null,
        expires_at: null,
        attempt: 0,
        max_attempts: 3,
        output_chars: 0,
        usage: null,
        cost_usd: null,
        cached: false,
        error: null,
        metadata: { team: 'blue' },
        urls: {
          self: `/v1/jobs/${id}`,
          events: `/v1/jobs/${id}/events`,
          result: `/v1/jobs/${id}/result`,
          cancel: `/v1/jobs/${id}/cancel`,
        },
      });
    });

    test('one that runs', async () => {
      const id = await submit();
      await api.hand.begin(id);
      const response = await api.get(`/v1/jobs/${id}`);
      expect(response.json()).toMatchObject({ status: 'in_progress', attempt: 1, started_at: expect.any(String) });
      expect(response.headers['retry-after']).toBe('1');
    });

    test('one that ended well', async () => {
      const id = await ended(answered('done'));
      const response = await api.get(`/v1/jobs/${id}`);
      expect(response.json()).toMatchObject({
        status: 'completed',
        output_chars: 4,
        usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, source: 'provider' },
        cost_usd: 0.0000975,
        finished_at: expect.any(String),
        expires_at: expect.any(String),
        error: null,
      });
      expect(response.headers['retry-after']).toBeUndefined();
    });

    test('one that failed tells why', async () => {
      const id = await ended(failed({ code: 'provider_busy', detail: 'Overloaded.', provider: 'openai' }));
      expect((await api.get(`/v1/jobs/${id}`)).json()).toMatchObject({
        status: 'failed',
        error: { type: 'server_error', code: 'provider_busy', message: 'Overloaded.', status: 502, provider: 'openai' },
      });
    });
  });

  describe('304', () => {
    test('has neither a body nor a content-length', async () => {
      const id = await submit();
      const { etag } = (await api.get(`/v1/jobs/${id}`)).headers;
      const { status, headers, bytes } = await onTheWire(`/v1/jobs/${id}`, { 'if-none-match': String(etag) });
      expect([status, bytes]).toEqual([304, 0]);
      expect(headers).not.toHaveProperty('content-length');
      expect(headers).not.toHaveProperty('transfer-encoding');
      expect(headers).toMatchObject({ etag, 'x-job-id': id, 'retry-after': '1' });
    });

    test.for([
      ['exact', (tag: string) => tag],
      ['weak', (tag: string) => `W/${tag}`],
      ['one of many', (tag: string) => `"other", ${tag}`],
      ['any', () => '*'],
    ] as const)('%s', async ([, spell]) => {
      const id = await ended(answered('x'));
      const { etag } = (await api.get(`/v1/jobs/${id}`)).headers;
      expect((await api.get(`/v1/jobs/${id}`, { 'if-none-match': spell(String(etag)) })).statusCode).toBe(304);
    });

    test('no longer once the job has moved on', async () => {
      const id = await submit();
      const tags = [(await api.get(`/v1/jobs/${id}`)).headers.etag];
      await api.hand.begin(id);
      tags.push((await api.get(`/v1/jobs/${id}`)).headers.etag);
      await api.hand.settle(id, answered('x'));
      tags.push((await api.get(`/v1/jobs/${id}`)).headers.etag);
      expect(new Set(tags).size).toBe(3);
      for (const tag of tags.slice(0, 2)) {
        expect((await api.get(`/v1/jobs/${id}`, { 'if-none-match': String(tag) })).statusCode).toBe(200);
      }
    });
  });

  describe('the place in the queue', () => {
    const positionOf = async (id: string) => (await api.get(`/v1/jobs/${id}`)).json().queue_position;

    test('counts those before it, and is told while it waits only', async () => {
      const before = await submit({ model: 'sandbox/echo' });
      const id = await submit({ model: 'sandbox/echo' });
      expect([await positionOf(before), await positionOf(id)]).toEqual([0, 1]);
      const { etag } = (await api.get(`/v1/jobs/${id}`)).headers;
      await api.deps.laneQueues.remove('sandbox', before);
      expect(await positionOf(id)).toBe(0);
      expect((await api.get(`/v1/jobs/${id}`, { 'if-none-match': String(etag) })).statusCode).toBe(200);
      await api.hand.begin(id);
      expect(await positionOf(id)).toBeNull();
    });

    test("of a job that follows another one is that one's", async () => {
      const body = { prompt: randomUUID(), model: 'sandbox/echo' };
      await submit({ model: 'sandbox/echo' });
      const [leader, follower] = [await submit(body), await submit(body)];
      expect((await api.get(`/v1/jobs/${follower}`)).json()).toMatchObject({ coalesced_into: leader });
      expect(await positionOf(follower)).toBe(await positionOf(leader));
      expect(await positionOf(follower)).toBeGreaterThan(0);
    });

    test('says when to come again, once the lane is known to move', async () => {
      const { board } = api.deps.admission;
      const { etaMs } = board;
      board.etaMs = async (_lane, position) => 4000 + position;
      const response = await api.get(`/v1/jobs/${await submit()}`);
      board.etaMs = etaMs;
      expect(response.headers['retry-after']).toBe('4');
    });
  });

  test('of one that follows another one: what that one has given out so far, until it has ended itself', async () => {
    const body = { prompt: randomUUID() };
    const [leader, follower] = [await submit(body), await submit(body)];
    await api.redis.hset(api.deps.keys.job(leader), { sequence: 5, chars: 42 });
    const seen = async () => (await api.get(`/v1/jobs/${follower}`)).json();
    expect(await seen()).toMatchObject({ last_sequence: 5, output_chars: 42 });
    await api.hand.settle(leader, answered('done'));
    await api.redis.hset(api.deps.keys.job(leader), { sequence: 9 });
    expect(await seen()).toMatchObject({ status: 'completed', last_sequence: 7, output_chars: 4, cost_usd: 0 });
  });

  test('what became of its webhook', async () => {
    const id = await submit({ webhook: 'https://example.com/hook' });
    const seen = async () => (await api.get(`/v1/jobs/${id}`)).json().webhook;
    expect(await seen()).toMatchObject({ url: 'https://example.com/hook', last_delivery: null });
    const delivery = {
      tenant: 'default',
      job: id,
      event: `evt_${id}`,
      type: 'job.completed',
      url: 'https://x',
      body: '{}',
    };
    await api.deps.webhooks.deliveries.create(delivery);
    expect(await seen()).toMatchObject({ last_delivery: { id: expect.any(String), status: 'pending', at: null } });
  });

  describe('410', () => {
    test('for a week after its result has expired, and 404 after that', async () => {
      const id = await ended(answered('x'));
      const { keys, redis } = api.deps;
      const statuses = async () => [
        (await api.get(`/v1/jobs/${id}`)).statusCode,
        (await api.get(`/v1/jobs/${id}/result`)).statusCode,
      ];
      await redis.hset(keys.job(id), 'expiresMs', Date.now() - 1);
      expect(await statuses()).toEqual([410, 410]);
      // As the keeper of time leaves it.
      await redis.set(keys.gone(id), 'default');
      await redis.del(keys.job(id));
      expect(await statuses()).toEqual([410, 410]);
      expect((await api.get(`/v1/jobs/${id}`)).json().code).toBe('result_expired');
      await redis.set(keys.gone(id), 'somebody-else');
      expect(await statuses()).toEqual([404, 404]);
      await redis.del(keys.gone(id));
      expect(await statuses()).toEqual([404, 404]);
    });
  });

  describe('Prefer: wait', () => {
    test('answers when the job ends', async () => {
      const id = await submit();
      const polling = api.get(`/v1/jobs/${id}`, { prefer: 'wait=20' });
      await waitFor(() => api.deps.admission.waiter.size() === 1, { what: 'the poll waits' });
      await api.hand.settle(id, answered('x'));
      expect((await polling).json().status).toBe('completed');
      expect(api.deps.admission.waiter.size()).toBe(0);
    });

    test('answers with the job as it is when the time is over', async () => {
      const id = await submit();
      const response = await api.get(`/v1/jobs/${id}`, { prefer: 'wait=1' });
      expect([response.statusCode, response.json().status]).toEqual([200, 'queued']);
      expect(api.deps.admission.waiter.size()).toBe(0);
    });

    test('does not wait for one that has ended', async () => {
      const id = await ended(answered('x'));
      expect((await api.get(`/v1/jobs/${id}`, { prefer: 'wait=200' })).json().status).toBe('completed');
    });
  });
});

describe('GET /v1/jobs/{id}/result', () => {
  test('200 with what the waiting request would have got', async () => {
    const id = await ended(answered('the text'), { request_id: 'mine' });
    const response = await api.get(`/v1/jobs/${id}/result`);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      completion: 'the text',
      model: 'gpt-4o',
      total_tokens: 18,
      request_id: 'mine',
      cached: false,
      cost_usd: 0.0000975,
      job_id: id,
    });
    expect(response.headers).toMatchObject({ 'x-job-id': id, 'x-cost-usd': '0.0000975', 'x-gateway-attempts': '1' });
  });

  test('is the same however often it is fetched', async () => {
    const id = await ended(answered('the text'));
    const { latency_ms: _one, ...first } = (await api.get(`/v1/jobs/${id}/result`)).json();
    const { latency_ms: _two, ...second } = (await api.get(`/v1/jobs/${id}/result`)).json();
    expect(second).toEqual(first);
  });

  test.for(['queued', 'in_progress'])('202 while it is %s', async (status) => {
    const id = await submit();
    if (status === 'in_progress') await api.hand.begin(id);
    const response = await api.get(`/v1/jobs/${id}/result`);
    expect(response.statusCode).toBe(202);
    expect(response.headers).toMatchObject({ location: `/v1/jobs/${id}`, 'retry-after': '1' });
    // Nobody preferred it.
    expect(response.headers['preference-applied']).toBeUndefined();
    expect(response.json()).toMatchObject({ id, object: 'job', status });
  });

  test('waits where the client is ready to', async () => {
    const id = await submit();
    const polling = api.get(`/v1/jobs/${id}/result`, { prefer: 'wait=20' });
    await waitFor(() => api.deps.admission.waiter.size() === 1, { what: 'the poll waits' });
    await api.hand.settle(id, answered('worth it'));
    expect((await polling).json().completion).toBe('worth it');
  });

  test.for([
    ['failed', { code: 'provider_refused', detail: 'No.' }, 502, 'provider_refused'],
    ['failed', { code: 'provider_rate_limited', detail: 'Slow.', retryAfterMs: 2000 }, 429, 'provider_rate_limited'],
    ['cancelled', { code: 'job_cancelled', detail: 'Cancelled.' }, 409, 'job_cancelled'],
    ['expired', { code: 'job_abandoned', detail: 'Nobody read it.' }, 410, 'job_abandoned'],
    ['expired', { code: 'deadline_exceeded', detail: 'Too late.' }, 504, 'deadline_exceeded'],
  ] as const)('%s with %o → %i', async ([state, failure, status, code]) => {
    const id = await ended({ state, failure });
    const response = await api.get(`/v1/jobs/${id}/result`);
    expect(response.statusCode).toBe(status);
    expect(response.headers).toMatchObject({
      'content-type': 'application/problem+json; charset=utf-8',
      'x-gateway-model': 'openai/gpt-4o',
      'x-gateway-attempts': '1',
    });
    expect(response.json()).toMatchObject({ code, status, job_id: id, instance: `/v1/jobs/${id}` });
  });

  test('an incomplete answer is an answer', async () => {
    const id = await ended(answered('half', { finishReason: { unified: 'length', raw: 'length' } }));
    expect((await api.get(`/v1/jobs/${id}/result`)).json()).toMatchObject({
      completion: 'half',
      finish_reason: 'length',
    });
    expect((await api.get(`/v1/jobs/${id}`)).json().status).toBe('incomplete');
  });
});

describe('404', () => {
  test.for([
    ['an id of nobody', makeJobId()],
    ['no id of ours', 'job_1'],
    ['an id with a key in it', encodeURIComponent('x}:limit')],
    ['a long text', 'x'.repeat(500)],
  ] as const)('%s', async ([, id]) => {
    for (const path of [`/v1/jobs/${id}`, `/v1/jobs/${id}/result`]) {
      const response = await api.get(path);
      expect(response.statusCode).toBe(404);
      expect(response.json()).toMatchObject({ code: 'not_found', detail: expect.stringContaining('There is no job') });
    }
  });

  test("another tenant's job is as good as none", async () => {
    const id = await ended(answered('secret'));
    await api.redis.hset(api.deps.keys.job(id), 'tenant', 'somebody-else');
    for (const path of [`/v1/jobs/${id}`, `/v1/jobs/${id}/result`]) {
      const foreign = await api.get(path);
      const absent = await api.get(path.replace(id, makeJobId()));
      expect(foreign.statusCode).toBe(404);
      expect(Object.keys(foreign.json())).toEqual(Object.keys(absent.json()));
    }
  });
});

test('a note that a result was delivered revives no record that expired meanwhile', async () => {
  const [expired, kept] = [await ended(answered('x')), await ended(answered('y'))];
  const { jobs, keys, redis } = api.deps;
  const { get } = jobs;
  jobs.get = async (tenantId, id) => {
    const found = await get(tenantId, id);
    if (id === expired) await redis.del(keys.job(id));
    return found;
  };
  for (const id of [expired, kept]) expect((await api.get(`/v1/jobs/${id}/result`)).statusCode).toBe(200);
  jobs.get = get;
  await waitFor(() => redis.hexists(keys.job(kept), 'deliveredMs').then(Boolean), { what: 'the later note' });
  expect(await redis.exists(keys.job(expired))).toBe(0);
});
