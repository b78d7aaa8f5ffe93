import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { adminKey, startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
let ids: string[];
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
  for (const [user_id, model] of [
    ['ann', 'gpt-4o'],
    ['bob', 'gpt-4o'],
    ['ann', 'claude-3-5-sonnet'],
    ['Zoë/ü', 'gpt-4o'],
  ] as const) {
    await api.generate({ prompt: randomUUID(), model, user_id }, { prefer: 'respond-async' });
  }
  ids = [...api.accepted];
  await api.hand.settle(ids[0] ?? '', answered('x'));
});
afterAll(() => api?.close());

const list = async (query = '') => {
  const response = await api.get(`/v1/jobs${query}`);
  expect(response.statusCode).toBe(200);
  const body = response.json();
  return { ...body, ids: body.data.map(({ id }: { id: string }) => id) };
};

test('all jobs, the newest first, each as its own route shows it', async () => {
  const { ids: found, data, ...page } = await list();
  expect(found).toEqual([...ids].reverse());
  expect(page).toEqual({ object: 'list', first_id: ids[3], last_id: ids[0], has_more: false });
  const { queue_position: _, ...own } = (await api.get(`/v1/jobs/${ids[0]}`)).json();
  expect(data[3]).toMatchObject(own);
});

test.for([
  ['status=completed', [0]],
  ['status=queued', [1, 2, 3]],
  ['status=failed', []],
  ['user_id=ann', [0, 2]],
  [`user_id=${encodeURIComponent('Zoë/ü')}`, [3]],
  ['user_id=ann&status=queued', [2]],
  ['model=gpt-4o', [0, 1, 3]],
  ['model=openai/gpt-4o&user_id=bob', [1]],
  ['model=nobody-knows', []],
  ['endpoint=/v1/generate&limit=1&order=asc', [0]],
  ['endpoint=/v1/messages', []],
  ['created_after=2001-01-01T00:00:00Z&created_before=2002-01-01T00:00:00%2B01:00', []],
  ['created_after=2001-01-01T00:00:00Z', [0, 1, 2, 3]],
] as [string, number[]][])('?%s', async ([query, expected]) => {
  const { ids: found } = await list(`?${query}`);
  expect(found.toSorted()).toEqual(expected.map((index) => ids[index]).toSorted());
});

test('an empty page is the end, and says so', async () => {
  expect(await list('?user_id=nobody')).toMatchObject({ data: [], first_id: null, last_id: null, has_more: false });
});

describe('pages', () => {
  test.for([
    ["as OpenAI's pager asks for them", 'after', 'last_id'],
    ["as Anthropic's pager asks for them", 'after_id', 'last_id'],
    ["as Anthropic's pager asks backwards", 'before_id', 'first_id'],
  ] as const)('%s', async ([, parameter, cursor]) => {
    const found: string[] = [];
    let query = '?limit=3';
    if (parameter === 'before_id') query += `&before_id=${ids[0]}`;
    for (;;) {
      const page = await list(query);
      found.push(...page.ids);
      if (!page.has_more) break;
      query = `?limit=3&${parameter}=${page[cursor]}`;
    }
    const expected = parameter === 'before_id' ? ids.slice(1) : ids;
    expect(found.toSorted()).toEqual(expected.toSorted());
  });

  test('a cursor may be an id of another dialect', async () => {
    expect((await list(`?order=asc&after=${ids[1]?.replace('job_', 'resp_')}`)).ids).toEqual(ids.slice(2));
  });
});

describe('422', () => {
  test.for([
    ['status=done', 'status'],
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['order=up', 'order'],
    ['created_after=yesterday', 'created_after'],
    ['created_before=1764000000', 'created_before'],
    ['after=job_1', 'after'],
    ['before=', 'before'],
    ['after_id=msg_x', 'after_id'],
  ] as const)('?%s', async ([query, field]) => {
    const response = await api.get(`/v1/jobs?${query}`);
    expect([response.statusCode, response.json().errors]).toEqual([
      422,
      [{ pointer: field, detail: expect.any(String) }],
    ]);
  });

  test('after and before at once', async () => {
    const response = await api.get(`/v1/jobs?after=${ids[0]}&before=${ids[1]}`);
    expect([response.statusCode, response.json().errors[0].pointer]).toEqual([422, 'before']);
  });
});

test('a client that erases what it has read goes on after it', async () => {
  await api.generate({ prompt: randomUUID(), model: 'gpt-4o', user_id: 'eve' }, { prefer: 'respond-async' });
  const erased = api.accepted.at(-1) ?? '';
  await api.inject({ method: 'POST', url: `/v1/jobs/${erased}/cancel` });
  expect((await api.inject({ method: 'DELETE', url: `/v1/jobs/${erased}` })).statusCode).toBe(204);
  expect((await list(`?after=${erased}`)).ids).toEqual([...ids].reverse());
});

test("another tenant's job is not shown, and as a cursor tells nothing", async () => {
  const { keys, redis } = api.deps;
  const foreign = makeJobId();
  await redis.hset(keys.job(foreign), { ...(await redis.hgetall(keys.job(ids[1] ?? ''))), tenant: 'somebody-else' });
  for (const index of [keys.jobIndex('somebody-else', 'all'), keys.jobIndex('default', 'all')]) {
    await redis.zadd(index, Date.now(), foreign);
  }
  expect((await list()).ids).not.toContain(foreign);
  const never = makeJobId();
  expect((await list(`?after=${foreign}`)).ids).toEqual((await list(`?after=${never}`)).ids);
});

test('401 without a key, where requests need one', async () => {
  const keyed = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
  expect((await keyed.get('/v1/jobs')).statusCode).toBe(401);
  expect((await keyed.get('/v1/jobs', { 'x-api-key': adminKey })).json()).toMatchObject({ data: [] });
  await keyed.close();
});
