import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { createCacheStore } from '../../cache/cache-store.ts';
import { createKeeper } from '../../test/keep-answer.ts';
import { answered } from '../../test/settle-by-hand.ts';
import { adminKey, startTestApi, type TestApi } from '../../test/start-test-api.ts';
import { viewCache } from './cache.ts';

let api: TestApi;
const opened: TestApi[] = [];
beforeEach(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
  api.answers = () => answered('x');
  opened.push(api);
});
afterAll(() => Promise.all(opened.map((one) => one.close())));

const ask = (more: object = {}) => ({ prompt: `kept ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1', ...more });

const stats = async () => (await api.get('/v1/cache/stats')).json();
const clear = (query = '') => api.inject({ method: 'DELETE', url: `/v1/cache/clear${query}` });
const isKept = async (body: object) => {
  const response = await api.generate(body, { 'cache-control': 'only-if-cached' });
  return response.statusCode === 200;
};

/** Puts an answer of another tenant into the cache, and gives its key. */
async function keepForeign(): Promise<string> {
  const { redis, deps } = api;
  await createKeeper(
    redis,
    deps.keys,
  )({
    digest: 'f00d',
    tenant: 'somebody-else',
    user: 'u1',
    answer: '{}',
    ttlMs: 60_000,
    target: 'openai/gpt-4o',
    job: 'job_1',
    state: 'completed',
    costNanoUsd: '97500',
  });
  return deps.keys.cacheEntry('f00d');
}

describe('GET /v1/cache/stats', () => {
  test('200 with zeros at first', async () => {
    expect(await stats()).toEqual({
      enabled: true,
      cache_ttl_seconds: 3600,
      timestamp: expect.any(Number),
      entries: 0,
      hits: 0,
      misses: 0,
      hit_rate: 0,
      coalesced: 0,
      memory_bytes: 0,
      saved_usd: 0,
    });
  });

  test('200 with what was kept and looked up; the time is in seconds', async () => {
    const body = ask();
    await api.generate(body);
    await api.generate(body);
    await api.generate(body);
    await api.generate(ask());
    const figures = await stats();
    expect(figures).toMatchObject({ entries: 2, hits: 2, misses: 2, hit_rate: 0.5, saved_usd: 0.000195 });
    expect(figures.memory_bytes).toBeGreaterThan(2000);
    expect(Math.abs(figures.timestamp - Date.now() / 1000)).toBeLessThan(5);
  });

  test('200 with what a hit as a job has saved', async () => {
    const body = ask();
    await api.generate(body);
    await api.inject({ method: 'POST', url: '/v1/jobs', payload: { endpoint: '/v1/generate', body } });
    expect(await stats()).toMatchObject({ hits: 1, misses: 1, saved_usd: 0.0000975 });
  });

  test("200 without another tenant's entries, which only the operator's view has", async () => {
    await api.generate(ask());
    const own = await stats();
    await keepForeign();
    expect(await stats()).toEqual({ ...own, timestamp: expect.any(Number) });
    // As the operator's summary shows it.
    const all = await viewCache({ store: createCacheStore(api.redis, api.deps.keys), ttlS: 3600 });
    expect(all).toMatchObject({ entries: 2, hits: 0, misses: 1 });
    expect(all.memory_bytes).toBeGreaterThan(own.memory_bytes);
  });
});

describe('another tenant', () => {
  const headers = { authorization: `Bearer ${adminKey}` };
  const named = '?tenant_id=somebody-else';
  const remove = (sent: object) =>
    api.inject({ method: 'DELETE', url: `/v1/cache/clear${named}`, headers: { ...sent } });

  test('is seen and cleared by the operator, and nobody else is touched', async () => {
    const foreign = await keepForeign();
    await api.generate(ask());
    expect((await api.get(`/v1/cache/stats${named}`, headers)).json()).toMatchObject({ entries: 1, misses: 0 });
    expect((await remove(headers)).json().cleared).toBe(1);
    expect(await api.redis.exists(foreign)).toBe(0);
    expect(await stats()).toMatchObject({ entries: 1 });
  });

  test('404 for everybody else', async () => {
    const foreign = await keepForeign();
    expect((await api.get(`/v1/cache/stats${named}`)).statusCode).toBe(404);
    expect((await remove({})).statusCode).toBe(404);
    expect(await api.redis.exists(foreign)).toBe(1);
  });
});

describe('DELETE /v1/cache/clear', () => {
  test('200 with how many there were, and nothing is left', async () => {
    const bodies = [ask(), ask(), ask()];
    for (const body of bodies) await api.generate(body);
    const response = await clear();
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ message: 'Cleared 3 cached items', cleared: 3 });
    expect(await stats()).toMatchObject({ entries: 0, memory_bytes: 0 });
    for (const body of bodies) expect(await isKept(body)).toBe(false);
    expect((await clear()).json().cleared).toBe(0);
  });

  const blue = { gateway: { cache: { namespace: 'blue' } } };
  test.for([
    ['?model=gpt-4o', ['mini', 'blue mini']],
    ['?model=openai/gpt-4o', ['mini', 'blue mini']],
    ['?namespace=blue', ['plain', 'mini', 'bobs']],
    ['?namespace=blue&model=gpt-4o', ['plain', 'mini', 'blue mini', 'bobs']],
    ['?namespace=red', ['plain', 'mini', 'blue', 'blue mini', 'bobs']],
    ['?user_id=bob', ['plain', 'mini', 'blue', 'blue mini']],
    ['?user_id=u1&model=gpt-4o', ['mini', 'blue mini', 'bobs']],
    ['?user_id=bob&namespace=blue', ['plain', 'mini', 'blue', 'blue mini', 'bobs']],
  ] as const)('%s leaves %o', async ([query, left]) => {
    const kept: Record<string, object> = {
      plain: ask(),
      mini: ask({ model: 'gpt-4o-mini' }),
      blue: ask(blue),
      'blue mini': ask({ ...blue, model: 'gpt-4o-mini' }),
      bobs: ask({ user_id: 'bob' }),
    };
    for (const body of Object.values(kept)) await api.generate(body);
    expect((await clear(query)).json().cleared).toBe(5 - left.length);
    const found: string[] = [];
    for (const [name, body] of Object.entries(kept)) if (await isKept(body)) found.push(name);
    expect(found).toEqual(left);
    expect(await stats()).toMatchObject({ entries: left.length });
  });

  test("whoever hits it, an entry is the user's whose job brought it", async () => {
    const body = ask({ user_id: 'ann' });
    await api.generate(body);
    await api.generate({ ...body, user_id: 'bob' });
    expect((await clear('?user_id=bob')).json().cleared).toBe(0);
    expect((await clear('?user_id=ann')).json().cleared).toBe(1);
  });

  test("never touches another tenant's entries", async () => {
    await api.generate(ask());
    const foreign = await keepForeign();
    expect((await clear()).json().cleared).toBe(1);
    expect((await clear('?user_id=u1')).json().cleared).toBe(0);
    expect(await api.redis.exists(foreign)).toBe(1);
    expect(await stats()).toMatchObject({ entries: 0, memory_bytes: 0 });
  });

  test('an entry that expired by itself is struck off without being counted', async () => {
    await api.generate(ask());
    const [entry = ''] = await api.redis.keys(api.deps.keys.cacheEntry('*'));
    await api.redis.del(entry);
    expect((await clear()).json().cleared).toBe(0);
    expect(await stats()).toMatchObject({ entries: 0, memory_bytes: 0 });
  });

  test('422 for an empty user, rather than clearing everything', async () => {
    await api.generate(ask());
    expect((await clear('?user_id=')).statusCode).toBe(422);
    expect(await stats()).toMatchObject({ entries: 1 });
  });

  test('422 for a model that nobody knows, rather than clearing nothing or everything', async () => {
    await api.generate(ask());
    const response = await clear('?model=gpt-99');
    expect(response.statusCode).toBe(422);
    expect(response.json().errors).toEqual([
      { pointer: 'model', detail: expect.stringContaining('"gpt-99" is not known') },
    ]);
    expect(await stats()).toMatchObject({ entries: 1 });
  });
});
