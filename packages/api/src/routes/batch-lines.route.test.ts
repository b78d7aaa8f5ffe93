import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { createLineRunner } from '../batches/create-line-runner.ts';
import type { LineRunner, SubmittedLine } from '../batches/line-runner.ts';
import { createJobCommands } from '../jobs/job-commands.ts';
import { asOperator, type MadeKey, makeKey } from '../test/make-key.ts';
import { answered, failed } from '../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../test/start-test-api.ts';
import { generateEndpoint } from './native/generate-endpoint.ts';
import { chatEndpoint } from './openai/chat-endpoint.ts';

let api: TestApi;
let runner: LineRunner;
let batchId: string;
beforeAll(async () => {
  api = await startTestApi({
    redisUrl: inject('redisUrl'),
    environment: { MAX_REQUESTS_PER_MINUTE: '1000', MAX_REQUESTS_PER_HOUR: '1000' },
  });
  runner = createLineRunner({
    ...api.deps,
    endpoints: [generateEndpoint, chatEndpoint],
    commands: createJobCommands(api.deps),
  });
});
afterAll(() => api?.close());
beforeEach(() => {
  batchId = `batch_${randomUUID()}`;
});

const line = (number: number, changes: Partial<SubmittedLine> = {}): SubmittedLine => ({
  batchId,
  tenantId: 'default',
  userId: 'ann',
  endpoint: '/v1/generate',
  number,
  customId: `c${number}`,
  body: { prompt: `the same in all of ${batchId}`, model: 'gpt-4o' },
  ...changes,
});

const submit = async (...given: Parameters<typeof line>) => (await runner.submit(line(...given))).jobId;
const refusal = (...given: Parameters<typeof line>) =>
  submit(...given).then(
    () => undefined,
    (error: unknown) => (error as { failure?: object }).failure,
  );
const record = async (id: string) => {
  const found = await api.deps.jobs.find('default', id);
  if (!found) throw new Error(`${id} is gone`);
  return found;
};

describe('a line', () => {
  test('is a job behind all others, for the one who made the batch', async () => {
    expect(await record(await submit(1))).toMatchObject({
      state: 'queued',
      endpoint: '/v1/generate',
      user: 'ann',
      priority: 10,
      batch: true,
      customId: 'c1',
    });
    const named = await submit(2, { body: { prompt: 'x', model: 'gpt-4o', user_id: 'bob' } });
    expect(await record(named)).toMatchObject({ user: 'bob' });
  });

  test('is the same job whenever it is submitted, be it over', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => submit(1)));
    expect(new Set(ids).size).toBe(1);
    const [id = ''] = ids;
    await api.hand.settle(id, answered('done'));
    expect(await submit(1)).toBe(id);
  });

  test('shares its call with no other: nobody shall wait for the turn of a batch', async () => {
    const ids = [await submit(1), await submit(2)];
    const waiting = await api.inject({
      method: 'POST',
      url: '/v1/generate',
      headers: { prefer: 'respond-async' },
      payload: { ...line(1).body, user_id: 'ann' },
    });
    ids.push(waiting.json().id);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect((await record(id)).leader).toBeUndefined();
  });

  test('has the result that a waiting client would have had', async () => {
    const [good, bad] = [await submit(1), await submit(2)];
    expect(await runner.ended([good, bad])).toEqual([]);
    expect(await runner.result('default', good)).toBeUndefined();
    await api.hand.settle(good, answered('done'));
    await api.hand.settle(bad, failed({ code: 'provider_busy', detail: 'It is busy.' }));
    expect(await runner.ended([good, bad])).toEqual([good, bad]);
    expect(await runner.result('default', good)).toMatchObject({
      status: 200,
      finalState: 'completed',
      requestId: (await record(good)).request,
      body: { completion: 'done', job_id: good },
    });
    expect(await runner.result('default', bad)).toMatchObject({
      status: 502,
      finalState: 'failed',
      body: { code: 'provider_busy', detail: 'It is busy.' },
    });
    expect(await runner.result('another', good)).toBeUndefined();
  });

  test('can be cancelled', async () => {
    const id = await submit(1);
    await runner.cancel('default', id);
    expect(await runner.result('default', id)).toMatchObject({ finalState: 'cancelled', status: 409 });
  });

  test.for<[Partial<SubmittedLine>, object]>([
    [{ body: { prompt: 'x', model: 'gpt-4o', temperature: 3 } }, { code: 'invalid_request', field: '/temperature' }],
    [{ body: { prompt: 'x', model: 'gpt-none' } }, { field: '/model' }],
    [{ endpoint: '/v1/moderations' }, { code: 'unknown_url' }],
    [{ keyId: 'key_none' }, { code: 'forbidden' }],
  ])('%j is refused', async ([changes, failure]) => {
    expect(await refusal(1, changes)).toMatchObject(failure);
  });
});

describe('the key of a batch', () => {
  const withKey = (key: MadeKey, changes: Partial<SubmittedLine> = {}) => ({ keyId: key.id, ...changes });

  test('may do in it what it may do at all', async () => {
    const some = await makeKey(api, { models: ['gpt-4o-mini'] });
    expect(await refusal(1, withKey(some))).toMatchObject({ code: 'forbidden', field: '/model' });
    const bound = await makeKey(api, { user_id: 'ann' });
    const body = { prompt: 'x', model: 'gpt-4o', user_id: 'bob' };
    expect(await refusal(1, withKey(bound, { body }))).toMatchObject({ code: 'forbidden', field: '/user_id' });
    expect(await record(await submit(1, withKey(bound)))).toMatchObject({ key: bound.id, user: 'ann' });
  });

  test('buys nothing more once it is revoked', async () => {
    const key = await makeKey(api);
    await submit(1, withKey(key));
    await api.inject({ method: 'DELETE', url: `/v1/admin/keys/${key.id}`, headers: asOperator });
    expect(await refusal(2, withKey(key))).toMatchObject({ code: 'forbidden' });
  });

  test('is held to half of what the same costs outside of a batch', async () => {
    const reserved = async (key: MadeKey) => (await api.get('/v1/key', key.headers)).json().budgets[0].reserved_usd;
    const wishes = { budgets: [{ period: 'total', limit_usd: 1 }] };
    const [inBatch, outside] = [await makeKey(api, wishes), await makeKey(api, wishes)];
    const body = { prompt: 'how dear is this', model: 'gpt-4o', max_tokens: 1000, user_id: 'ann' };
    await submit(1, withKey(inBatch, { body }));
    await api.generate(body, { ...outside.headers, prefer: 'respond-async' });
    expect(await reserved(outside)).toBeGreaterThan(0.01);
    expect(await reserved(inBatch)).toBeCloseTo((await reserved(outside)) / 2, 8);
  });

  test('has its limits of tokens and of generations at once kept in it, and its windows of requests left alone', async () => {
    const refused = (key: MadeKey, number: number) => refusal(number, withKey(key));
    const few = await makeKey(api, { limits: { requests_per_minute: 1, requests_per_hour: 1 } });
    for (const number of [1, 2, 3]) expect(await refused(few, number)).toBeUndefined();
    const asksItself = () =>
      api.generate({ prompt: randomUUID(), model: 'gpt-4o' }, { ...few.headers, prefer: 'respond-async' });
    expect((await asksItself()).statusCode, 'lines take nothing from those who ask by themselves').toBe(202);
    expect((await asksItself()).statusCode).toBe(429);

    batchId = `batch_${randomUUID()}`;
    const one = await makeKey(api, { limits: { concurrency: 1 } });
    expect(await refused(one, 1)).toBeUndefined();
    expect(await refused(one, 2)).toMatchObject({ code: 'rate_limited', detail: expect.stringContaining('at once') });
    const short = await makeKey(api, { limits: { tokens_per_minute: 10 } });
    expect(await refused(short, 3)).toMatchObject({ code: 'rate_limited', detail: expect.stringContaining('tokens') });
    const none = await makeKey(api, { limits: { requests_per_minute: 0 } });
    expect(await refused(none, 4), 'who may ask for nothing may not do so in a batch').toMatchObject({
      code: 'rate_limited',
    });
  });

  test('is told of the member that its line has', async () => {
    const chat = { endpoint: '/v1/chat/completions' };
    const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] };
    for (const name of ['max_tokens', 'max_completion_tokens']) {
      const changes = { ...chat, body: { ...body, [name]: 1_000_000 } };
      expect(await refusal(1, changes)).toMatchObject({ code: 'invalid_request', field: `/${name}` });
    }
    const both = { ...chat, body: { ...body, max_tokens: -1, max_completion_tokens: 10 } };
    expect(await refusal(1, both)).toMatchObject({ field: '/max_tokens' });
  });
});
