import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
  api.answers = (id) => answered(`answer of ${id}`);
});
afterAll(() => api?.close());

const ask = (more: object = {}) => ({ prompt: `cached ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1', ...more });

async function isHit(body: object, headers: Record<string, string> = {}): Promise<boolean> {
  const response = await api.generate(body, headers);
  expect(response.statusCode).toBe(200);
  return response.json().cached;
}

describe('an equal request', () => {
  test('gets the stored answer, tokens and cost, an id of its own, and costs nothing', async () => {
    const body = ask({ request_id: 'first' });
    const paid = await api.generate(body);
    const before = api.accepted.length;
    const hit = await api.generate({ ...body, request_id: 'second' });
    expect(hit.statusCode).toBe(200);
    const { latency_ms: _paid, ...paidRest } = paid.json();
    const { latency_ms, ...hitRest } = hit.json();
    expect(hitRest).toEqual({ ...paidRest, cached: true, request_id: 'second' });
    expect(latency_ms).toBeGreaterThan(0);
    expect(hit.headers).toMatchObject({
      'x-cost-usd': '0',
      'cache-status': expect.stringMatching(/^gateway; hit; ttl=(3600|3599)$/),
      age: expect.stringMatching(/^[01]$/),
      'x-job-id': paid.json().job_id,
      'x-gateway-model': 'openai/gpt-4o',
      'x-gateway-attempts': '0',
    });
    expect(api.accepted).toHaveLength(before);
  });

  test('without a request_id gets a fresh one', async () => {
    const body = ask();
    const paid = (await api.generate(body)).json();
    const hit = (await api.generate(body)).json();
    expect(hit.cached).toBe(true);
    expect(hit.request_id).not.toBe(paid.request_id);
  });

  test('under another name of the same model is equal, and the name is given back as it came', async () => {
    const body = ask();
    await api.generate(body);
    const hit = (await api.generate({ ...body, model: 'openai/gpt-4o' })).json();
    expect(hit).toMatchObject({ cached: true, model: 'openai/gpt-4o' });
  });

  test('that says the default out loud is equal', async () => {
    const body = ask();
    await api.generate(body);
    expect(await isHit({ ...body, temperature: 0.7 })).toBe(true);
  });

  test('does not count as spent: usage has a request more and no cost more', async () => {
    const user = randomUUID();
    const body = ask({ user_id: user });
    await api.generate(body);
    const paid = await api.booked(user);
    await api.generate(body);
    expect(await api.booked(user)).toEqual({ ...paid, requests: paid.requests + 1, cached: 1 });
  });
});

describe('the key', () => {
  const base = {
    model: 'gpt-4o',
    temperature: 0.5,
    max_tokens: 100,
    top_p: 0.9,
    stop: ['END'],
    system: 'Be brief.',
    seed: 1,
    response_format: { type: 'json_object' },
    gateway: { cache: { namespace: 'blue' } },
    metadata: { a: '1' },
    request_id: 'one',
    user_id: 'u1',
  };

  test.for([
    ['prompt', 'another prompt'],
    ['model', 'gpt-4o-mini'],
    ['temperature', 0.6],
    ['max_tokens', 101],
    ['top_p', 0.8],
    ['stop', ['STOP']],
    ['stop', ['END', 'STOP']],
    ['system', 'Be verbose.'],
    ['seed', 2],
    ['response_format', { type: 'text' }],
    ['gateway', { cache: { namespace: 'green' } }],
    ['gateway', {}],
  ] as const)('covers %s: %o misses', async ([field, value]) => {
    const body = { ...base, prompt: `key ${randomUUID()}` };
    await api.generate(body);
    expect(await isHit(body), 'the unchanged request hits').toBe(true);
    expect(await isHit({ ...body, [field]: value })).toBe(false);
  });

  test.for(['max_tokens', 'top_p', 'stop', 'system', 'seed', 'response_format'] as const)(
    'covers %s: leaving it out misses',
    async (field) => {
      const body = { ...base, prompt: `key ${randomUUID()}` };
      await api.generate(body);
      expect(await isHit({ ...body, [field]: undefined })).toBe(false);
    },
  );

  test.for([
    ['metadata', { b: '2' }],
    ['request_id', 'two'],
    ['user_id', 'u2'],
    ['stop', 'END'],
    ['something', 'unknown'],
  ] as const)('leaves %s out: %o hits', async ([field, value]) => {
    const body = { ...base, prompt: `key ${randomUUID()}` };
    await api.generate(body);
    expect(await isHit({ ...body, [field]: value })).toBe(true);
  });

  test('is the same whether the namespace comes by header or body', async () => {
    const body = { ...base, prompt: `key ${randomUUID()}` };
    await api.generate(body);
    expect(await isHit({ ...body, gateway: {} }, { 'x-gateway-cache-namespace': 'blue' })).toBe(true);
    expect(await isHit(body, { 'x-gateway-cache-namespace': 'red' }), 'the header wins').toBe(false);
  });
});

describe('Cache-Control', () => {
  test('no-cache asks anew and stores the new answer', async () => {
    const body = ask();
    const first = (await api.generate(body)).json();
    const second = await api.generate(body, { 'cache-control': 'no-cache' });
    expect(second.json().cached).toBe(false);
    expect(second.headers['cache-status']).toBe('gateway; fwd=request; stored');
    const third = (await api.generate(body)).json();
    expect(third).toMatchObject({ cached: true, completion: second.json().completion });
    expect(third.completion).not.toBe(first.completion);
  });

  test('no-store keeps the answer out, and may still be given a stored one', async () => {
    const body = ask();
    const first = await api.generate(body, { 'cache-control': 'no-store' });
    expect(first.headers['cache-status']).toBe('gateway; fwd=miss');
    expect(await isHit(body)).toBe(false);
    expect(await isHit(body, { 'cache-control': 'no-store' })).toBe(true);
  });

  test('max-age and min-fresh bound what is accepted', async () => {
    const body = ask();
    await api.generate(body);
    expect(await isHit(body, { 'cache-control': 'max-age=60' })).toBe(true);
    expect(await isHit(body, { 'cache-control': 'min-fresh=3000' })).toBe(true);
    expect(await isHit(body, { 'cache-control': 'min-fresh=4000' }), 'it lives for 3600 s').toBe(false);
    await waitFor(async () => !(await isHit(body, { 'cache-control': 'max-age=0, no-store' })), {
      what: 'the answer is older than 0 s',
    });
  });

  test('only-if-cached gets the stored answer or 504 cache_miss, and starts nothing', async () => {
    const body = ask({ user_id: randomUUID() });
    const before = await api.traces(body.user_id);
    const miss = await api.generate(body, { 'cache-control': 'only-if-cached' });
    expect(miss.statusCode).toBe(504);
    expect(miss.json()).toMatchObject({ code: 'cache_miss', retryable: false });
    expect(miss.headers['x-should-retry']).toBe('false');
    expect(await api.traces(body.user_id)).toEqual(before);
    await api.generate(body);
    expect(await isHit(body, { 'cache-control': 'only-if-cached' })).toBe(true);
  });
});

describe('x-gateway-cache headers and gateway.cache', () => {
  test.for([
    ['the header', {}, { 'x-gateway-cache': 'off' }],
    ['the body', { gateway: { cache: { mode: 'off' } } }, {}],
    ['a ttl of 0', { gateway: { cache: { ttl: 0 } } }, {}],
  ] as const)('off by %s neither looks nor stores', async ([, more, headers]) => {
    const body = ask();
    await api.generate(body);
    const bypassed = await api.generate({ ...body, ...more }, headers);
    expect(bypassed.json().cached).toBe(false);
    expect(bypassed.headers['cache-status']).toBe('gateway; fwd=bypass');
    const other = ask();
    await api.generate({ ...other, ...more }, headers);
    expect(await isHit(other)).toBe(false);
  });

  test.for([
    ['the header', {}, { 'x-gateway-cache-ttl': '50' }],
    ['the body', { gateway: { cache: { ttl: 50 } } }, {}],
    ['the header over the body', { gateway: { cache: { ttl: 900 } } }, { 'x-gateway-cache-ttl': '50' }],
  ] as const)('%s says how long the answer is kept', async ([, more, headers]) => {
    const body = ask();
    await api.generate({ ...body, ...more }, headers);
    const hit = await api.generate(body);
    expect(hit.headers['cache-status']).toMatch(/^gateway; hit; ttl=(50|49)$/);
  });

  test('an answer is gone when its time is over', async () => {
    const body = ask({ gateway: { cache: { ttl: 1 } } });
    await api.generate(body);
    await waitFor(
      async () => !(await isHit({ ...body, gateway: { cache: { ttl: 1 } } }, { 'cache-control': 'no-store' })),
      {
        what: 'the entry expires',
        intervalMs: 100,
      },
    );
  });

  test('max_age in the body bounds what is accepted', async () => {
    const body = ask();
    await api.generate(body);
    expect(await isHit({ ...body, gateway: { cache: { max_age: 60 } } })).toBe(true);
  });
});

test('with CACHE_TTL_SECONDS=0 no client can switch the cache on', async () => {
  const off = await startTestApi({ redisUrl: inject('redisUrl'), environment: { CACHE_TTL_SECONDS: '0' } });
  off.answers = () => answered('x');
  const body = ask();
  for (const headers of [{ 'x-gateway-cache': 'on', 'x-gateway-cache-ttl': '60' }, {}] as Record<string, string>[]) {
    const response = await off.generate(body, headers);
    expect(response.json().cached).toBe(false);
    expect(response.headers['cache-status']).toBe('gateway; fwd=bypass');
  }
  expect((await off.get('/v1/cache/stats')).json()).toMatchObject({ enabled: false, entries: 0 });
  await off.close();
});
