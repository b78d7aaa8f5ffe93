import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';
import { createTestClient } from './test-client.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
});
afterAll(() => api?.close());

const model = 'text-embedding-3-small';
const numbers = [0.5, -1.25, 0.0078125];
const base64 = Buffer.from(new Float32Array(numbers).buffer).toString('base64');
const usage = { prompt_tokens: 3, total_tokens: 3 };
const answers = (embedding: unknown) => {
  const body = { object: 'list', data: [{ object: 'embedding', index: 0, embedding }], model, usage, x_new: 1 };
  api.answers = () =>
    answered('', {
      native: { api: 'embeddings', body },
      usage: { promptTokens: 3, completionTokens: 0, totalTokens: 3 },
    });
};
const post = (body: object, headers: Record<string, string> = {}) =>
  api.inject({
    method: 'POST',
    url: '/v1/embeddings',
    payload: { model, input: `a cat ${randomUUID()}`, ...body },
    headers: { 'content-type': 'application/json', ...headers },
  });

describe('come in the encoding that was asked for, whichever the provider chose', () => {
  test.for([
    [undefined, numbers, numbers],
    ['float', base64, numbers],
    ['base64', numbers, base64],
    ['base64', base64, base64],
  ] as const)('%s of %j', async ([encoding_format, given, expected]) => {
    answers(given);
    const response = await post({ encoding_format });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: expected }],
      model,
      usage,
      x_new: 1,
    });
  });

  test('so that the official client, which asks for base64, gets its numbers', async () => {
    answers(numbers);
    const { data } = await createTestClient(api).embeddings.create({ model, input: [`one ${randomUUID()}`] });
    expect(data[0]?.embedding).toEqual(numbers);
  });
});

test('equal requests share an answer, unless that is refused', async () => {
  answers(numbers);
  const body = { input: [`two ${randomUUID()}`] };
  await post(body);
  expect((await post(body)).headers['cache-status']).toContain('hit');
  expect((await post(body, { 'x-gateway-cache': 'off' })).headers['cache-status']).toContain('bypass');
});

test.for([['one'], [['one', 'two']], [[1, 2, 3]], [[[1, 2], [3]]]] as const)(
  'input %j is accepted',
  async ([input]) => {
    expect((await post({ input }, { prefer: 'respond-async' })).statusCode).toBe(202);
  },
);

test.for([
  [{ input: '' }, 'input'],
  [{ input: [] }, 'input'],
  [{ input: ['a', ''] }, 'input'],
  [{ input: [[]] }, 'input'],
  [{ input: Array.from({ length: 2049 }, () => 'x') }, 'input'],
  [{ input: [1.5] }, 'input'],
  [{ input: undefined }, 'input'],
  [{ encoding_format: 'hex' }, 'encoding_format'],
  [{ dimensions: 0 }, 'dimensions'],
] as const)('400 for %j', async ([more, param]) => {
  const response = await post(more);
  expect(response.statusCode).toBe(400);
  expect(response.json().error.param).toMatch(new RegExp(`^${param}`));
});

test.for([
  ['claude-sonnet-4-5', /makes no embeddings/],
  ['gpt-4o', /makes no embeddings/],
] as const)('400 for %s, which makes none', async ([name, message]) => {
  const response = await post({ model: name });
  expect(response.statusCode).toBe(400);
  expect(response.json().error).toMatchObject({ param: 'model', message: expect.stringMatching(message) });
});

test('have a budget kept without a bound on what nobody writes', async () => {
  const { estimate } = api.deps.admission;
  const { resolveModel } = await import('@llm-gateway/shared/pricing/resolve-model');
  const found = resolveModel(model);
  if (!found) throw new Error('no model');
  const generation = {
    messages: [{ role: 'user' as const, text: 'a cat' }],
    native: { api: 'embeddings' as const, body: {} },
  };
  const rules = [{ measure: 'tokens' }] as never;
  const one = await estimate(generation, found, { rules, budgets: [] });
  expect(one?.tokens).toBeLessThan(30);
  const chat = resolveModel('gpt-4o');
  if (!chat) throw new Error('no model');
  const asked = { messages: generation.messages, maxTokens: 1000 };
  const [single, triple] = await Promise.all(
    [asked, { ...asked, choices: 3 }].map((of) => estimate(of, chat, { rules, budgets: [] })),
  );
  expect((triple?.tokens ?? 0) - (single?.tokens ?? 0)).toBe(2000);
});
