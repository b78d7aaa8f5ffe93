import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

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
    });
  });

  test('200 with what was kept and looked up; the time is in seconds', async () => {
    const body = ask();
    await api.generate(body);
    await api.generate(body);
    await api.generate(body);
    await api.generate(ask());
    const figures = await stats();
    expect(figures).toMatchObject({ entries: 2, hits: 2, misses: 2, hit_rate: 0.5 });
    expect(figures.memory_bytes).toBeGreaterThan(600);
    expect(Math.abs(figures.timestamp - Date.now() / 1000)).toBeLessThan(5);
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
    ['?namespace=blue', ['plain', 'mini']],
    ['?namespace=blue&model=gpt-4o', ['plain', 'mini', 'blue mini']],
    ['?namespace=red', ['plain', 'mini', 'blue', 'blue mini']],
  ] as const)('%s leaves %o', async ([query, left]) => {
    const kept: Record<string, object> = {
      plain: ask(),
      mini: ask({ model: 'gpt-4o-mini' }),
      blue: ask(blue),
      'blue mini': ask({ ...blue, model: 'gpt-4o-mini' }),
    };
    for (const body of Object.values(kept)) await api.generate(body);
    expect((await clear(query)).json().cleared).toBe(4 - left.length);
    const found: string[] = [];
    for (const [name, body] of Object.entries(kept)) if (await isKept(body)) found.push(name);
    expect(found).toEqual(left);
  });

  test("never touches another tenant's entries", async () => {
    await api.generate(ask());
    await api.generate(ask());
    const [foreign = ''] = await api.redis.keys(api.deps.keys.cacheEntry('*'));
    await api.redis.hset(foreign, 'tenant', 'somebody-else');
    expect((await clear()).json().cleared).toBe(1);
    expect(await api.redis.exists(foreign)).toBe(1);
    expect(await stats()).toMatchObject({ entries: 1 });
  });

  test('clears more than fits in one step', async () => {
    const { cacheIndex, cacheStats, cacheEntry } = api.deps.keys;
    const pipeline = api.redis.pipeline();
    for (let count = 0; count < 1300; count += 1) {
      pipeline.hset(cacheEntry(`d${count}`), { tenant: 'default', target: 'openai/gpt-4o', namespace: '' });
      pipeline.zadd(cacheIndex, Date.now() + 60_000, `10:d${count}`);
    }
    await pipeline.hset(cacheStats, 'bytes', 13_000).exec();
    expect((await clear()).json().cleared).toBe(1300);
    expect(await stats()).toMatchObject({ entries: 0, memory_bytes: 0 });
  });

  test('an entry that expired by itself is struck off without being counted', async () => {
    await api.generate(ask());
    const [entry = ''] = await api.redis.keys(api.deps.keys.cacheEntry('*'));
    await api.redis.del(entry);
    expect((await clear()).json().cleared).toBe(0);
    expect(await stats()).toMatchObject({ entries: 0, memory_bytes: 0 });
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
