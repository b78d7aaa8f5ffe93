import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { makeKey } from '../../test/make-key.ts';
import { answered, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';
import { createTestClient } from './test-client.ts';

let api: TestApi;
let client: OpenAI;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
  client = createTestClient(api);
});
afterAll(() => api?.close());

const ask = (more: object = {}): OpenAI.ChatCompletionCreateParamsNonStreaming => ({
  model: 'gpt-4o',
  messages: [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: [{ type: 'text', text: `hello ${randomUUID()}` }] },
  ],
  ...more,
});

async function complete(more: object = {}) {
  api.answers = () => answered('Hi.');
  onTestFinished(() => {
    api.answers = undefined;
  });
  return client.chat.completions.create(ask(more));
}

const thrownBy = (work: Promise<unknown>) => work.catch((error: unknown) => error);

test('a completion is found again under its id, or that of its job, with its labels', async () => {
  const made = await complete({ metadata: { topic: 'kindness' } });
  const expected = { ...made, metadata: { topic: 'kindness' } };
  expect(await client.chat.completions.retrieve(made.id)).toEqual(expected);
  expect(await client.chat.completions.retrieve(api.accepted.at(-1) ?? '')).toEqual(expected);
});

test('one that is under way is waited for', async () => {
  api.answers = undefined;
  const count = api.accepted.length;
  const first = client.chat.completions.create(ask());
  const id = await api.job(count);
  const again = client.chat.completions.retrieve(id);
  await api.hand.settle(id, answered('At last.'));
  expect((await again).choices[0]?.message.content).toBe('At last.');
  expect((await first).id).toBe((await again).id);
});

test('a wait that runs out says so, as that of the first request does', async () => {
  const count = api.accepted.length;
  void thrownBy(client.chat.completions.create(ask()));
  const id = await api.job(count);
  const response = await api.get(`/v1/chat/completions/${id}`, { prefer: 'wait=0' });
  expect(response.statusCode).toBe(504);
  expect(response.headers).toMatchObject({ 'x-job-id': id, 'x-should-retry': 'true', location: `/v1/jobs/${id}` });
  expect(response.json().error.code).toBe('sync_wait_exceeded');
  await api.hand.settle(id, answered('Too late.'));
});

test('one that failed answers with its failure', async () => {
  api.answers = () => failed({ code: 'provider_refused', detail: 'No.', refusal: { status: 400, code: 'bad' } });
  await thrownBy(client.chat.completions.create(ask()));
  api.answers = undefined;
  const error = await thrownBy(client.chat.completions.retrieve(api.accepted.at(-1) ?? ''));
  expect(error).toBeInstanceOf(OpenAI.BadRequestError);
  expect(error).toMatchObject({ code: 'bad' });
});

test('what is no chat completion is not found', async () => {
  api.answers = () => answered('x');
  await api.generate({ prompt: `x ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1' });
  api.answers = undefined;
  for (const name of [api.accepted.at(-1) ?? '', `chatcmpl-${api.accepted.at(-1)?.slice(4)}`, 'chatcmpl-nought']) {
    for (const work of [
      () => client.chat.completions.retrieve(name),
      () => client.chat.completions.update(name, { metadata: {} }),
      () => client.chat.completions.delete(name),
      () => client.chat.completions.messages.list(name),
    ]) {
      expect(await thrownBy(work())).toBeInstanceOf(OpenAI.NotFoundError);
    }
  }
});

test('labels are changed, and shown and found from then on', async () => {
  const topic = randomUUID();
  const { id } = await complete({ store: true, metadata: { topic: 'old' } });
  const changed = await client.chat.completions.update(id, { metadata: { topic } });
  expect(changed).toMatchObject({ id, metadata: { topic }, choices: [{ message: { content: 'Hi.' } }] });
  const { data } = await client.chat.completions.list({ metadata: { topic } });
  expect(data.map((one) => one.id)).toEqual([id]);
  await client.chat.completions.update(id, { metadata: null });
  expect(await client.chat.completions.retrieve(id)).toMatchObject({ metadata: {} });
});

test.for([[{}], [{ metadata: 5 }], [{ metadata: { a: 'b'.repeat(513) } }]])('labels %j are refused', async ([body]) => {
  const { id } = await complete();
  const response = await api.inject({ method: 'POST', url: `/v1/chat/completions/${id}`, payload: body ?? {} });
  expect(response.statusCode).toBe(400);
  expect(response.json().error.param).toMatch(/^metadata/);
});

test('one is erased when it has ended, and not before', async () => {
  const { id } = await complete();
  expect(await client.chat.completions.delete(id)).toEqual({
    id,
    object: 'chat.completion.deleted',
    deleted: true,
  });
  expect(await thrownBy(client.chat.completions.retrieve(id))).toBeInstanceOf(OpenAI.NotFoundError);

  api.answers = undefined;
  const count = api.accepted.length;
  void thrownBy(client.chat.completions.create(ask()));
  const running = await api.job(count);
  expect(await thrownBy(client.chat.completions.delete(running))).toBeInstanceOf(OpenAI.ConflictError);
  await api.hand.settle(running, answered('x'));
});

test('the list has what was to be stored and has an answer, page by page in either order', async () => {
  const label = randomUUID();
  const stored: string[] = [];
  for (let made = 0; made < 5; made += 1) {
    stored.push(
      (await complete({ store: true, metadata: { label }, model: made === 2 ? 'gpt-4o-mini' : 'gpt-4o' })).id,
    );
  }
  await complete({ metadata: { label } });
  api.answers = () => failed({ code: 'provider_refused', detail: 'No.' });
  await thrownBy(client.chat.completions.create(ask({ store: true, metadata: { label } })));

  const ids = async (query: OpenAI.ChatCompletionListParams) => {
    const found: string[] = [];
    for await (const { id } of client.chat.completions.list({ limit: 2, metadata: { label }, ...query }))
      found.push(id);
    return found;
  };
  expect(await ids({})).toEqual(stored);
  expect(await ids({ order: 'desc' })).toEqual(stored.toReversed());
  expect(await ids({ model: 'gpt-4o-mini' })).toEqual([stored[2]]);
  expect(await ids({ metadata: { label, other: 'x' } })).toEqual([]);
  const refused = await thrownBy(client.chat.completions.list({ after: 'nought' }) as Promise<unknown>);
  expect(refused).toBeInstanceOf(OpenAI.BadRequestError);
});

test('what was asked is listed as it was sent', async () => {
  const { id } = await complete();
  const messages: OpenAI.ChatCompletionStoreMessage[] = [];
  for await (const message of client.chat.completions.messages.list(id, { limit: 1 })) messages.push(message);
  expect(messages).toEqual([
    { id: `${id}-0`, role: 'system', content: 'Be kind.', content_parts: null },
    {
      id: `${id}-1`,
      role: 'user',
      content: null,
      content_parts: [{ type: 'text', text: expect.stringMatching(/^hello/) }],
    },
  ]);
  const backwards = await client.chat.completions.messages.list(id, { order: 'desc' });
  expect(backwards.data.map((message) => message.id)).toEqual([`${id}-1`, `${id}-0`]);
});

test('a key that is bound to a user finds that user alone', async () => {
  const keyed = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
  onTestFinished(() => keyed.close());
  keyed.answers = () => answered('Hi.');
  const post = async (user: string) => {
    const key = await makeKey(keyed, { user_id: user, scopes: ['generate', 'read'] });
    const response = await keyed.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      payload: ask({ store: true }),
      headers: key.headers,
    });
    return { key, id: response.json().id as string };
  };
  const [ann, bob] = [await post('ann'), await post('bob')];
  const { data } = (await keyed.get('/v1/chat/completions', ann.key.headers)).json();
  expect(data.map((one: { id: string }) => one.id)).toEqual([ann.id]);
  expect((await keyed.get(`/v1/chat/completions/${bob.id}`, ann.key.headers)).statusCode).toBe(404);
  expect((await keyed.get('/v1/chat/completions')).statusCode).toBe(401);
});
