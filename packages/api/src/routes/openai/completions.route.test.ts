import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';
import { createTestClient } from './test-client.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
});
afterAll(() => api?.close());

const choice = (index: number, text: string) => ({ index, text, logprobs: null, finish_reason: 'length' });
const body = {
  id: 'cmpl-of-the-provider',
  object: 'text_completion',
  created: 1763891160,
  model: 'gpt-4o',
  choices: [choice(0, ' there was'), choice(1, ' there were')],
  usage: { prompt_tokens: 4, completion_tokens: 4, total_tokens: 8 },
};
const ask = (more: object = {}) => ({ model: 'gpt-4o', prompt: `Once upon a time ${randomUUID()}`, n: 2, ...more });
const post = (payload: object) => api.inject({ method: 'POST', url: '/v1/completions', payload });
const idOf = (jobId = '') => `cmpl-${jobId.slice(4)}`;

test("is the provider's own under our id, which names the job", async () => {
  api.answers = () => answered(' there was', { native: { api: 'completions', body } });
  const response = await post(ask());
  const id = idOf(api.accepted.at(-1));
  expect(response.json()).toEqual({ ...body, id });
  expect((await api.get(`/v1/jobs/${id}`)).json().id).toBe(api.accepted.at(-1));
});

test('a stream passes on what the provider sent', async () => {
  api.answers = undefined;
  const count = api.accepted.length;
  const pending = post(ask({ stream: true, stream_options: { include_usage: true } }));
  const id = await api.job(count);
  await api.hand.begin(id);
  const chunk = (of: object, more: object = { usage: null }) => JSON.stringify({ ...body, choices: [of], ...more });
  const frames = [
    chunk({ ...choice(0, ' there'), finish_reason: null }),
    chunk({ ...choice(1, ' there'), finish_reason: null, x_new: 1 }),
  ];
  await api.hand.write(id, [{ type: 'delta', frames: frames.slice(0, 1) }]);
  await api.hand.write(id, [{ type: 'delta', frames: frames.slice(1) }]);
  await api.hand.settle(id, answered(' there was', { native: { api: 'completions', body } }));
  const events = (await pending).body.split('\n\n').filter((line) => line.startsWith('data: '));
  const told = events.slice(0, -1).map((line) => JSON.parse(line.slice(6)));
  expect(events.at(-1)).toBe('data: [DONE]');
  expect(told.every((one) => one.id === idOf(id))).toBe(true);
  expect(told[1].choices[0].x_new).toBe(1);
  expect(told.map(({ choices: [one] }) => (one ? `${one.index}${one.text}` : 'usage'))).toEqual([
    '0 there',
    '1 there',
    '0 was',
    '1 were',
    'usage',
  ]);
  expect(told.at(-1).usage).toEqual(body.usage);
});

test('the official client reads the stream of an answer that was not streamed to us', async () => {
  api.answers = () => answered(' there was', { native: { api: 'completions', body } });
  const texts = ['', ''];
  const stream = await createTestClient(api).completions.create({ ...ask(), stream: true });
  for await (const { choices } of stream) for (const { index, text } of choices) texts[index] += text;
  expect(texts).toEqual([' there was', ' there were']);
});

test('is not for models of providers that offer nothing like it', async () => {
  const response = await post(ask({ model: 'claude-sonnet-4-5' }));
  expect(response.statusCode).toBe(400);
  expect(response.json().error).toMatchObject({
    param: 'model',
    message: '/model: must be a model of a provider that offers /v1/completions',
  });
});

test.for([
  [{ prompt: 5 }, 'prompt'],
  [{ best_of: 21 }, 'best_of'],
  [{ logprobs: 6 }, 'logprobs'],
  [{ max_tokens: -1 }, 'max_tokens'],
] as const)('400 for %j', async ([more, param]) => {
  const response = await post(ask(more));
  expect([response.statusCode, response.json().error.param]).toEqual([400, param]);
});
