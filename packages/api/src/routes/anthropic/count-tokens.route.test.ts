import '@llm-gateway/testkit/provided-context';
import { announceLanes } from '@llm-gateway/shared/lanes/announcements';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeKey } from '../../test/make-key.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
let keyed: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl') });
  keyed = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
  const live = { mode: 'live' as const, apis: [] };
  await announceLanes(keyed.redis, keyed.deps.keys, 'live-worker', new Map([['anthropic', live]]));
});
afterAll(() => Promise.all([api?.close(), keyed?.close()]));

const ask = (more: object = {}) => ({
  model: 'claude-sonnet-4-5',
  messages: [{ role: 'user', content: 'How many bears live in the woods of the north?' }],
  ...more,
});
const post = (payload: object, headers: Record<string, string> = {}, to = api) =>
  to.inject({ method: 'POST', url: '/v1/messages/count_tokens', payload, headers });
const countOf = async (more: object = {}): Promise<number> => (await post(ask(more))).json().input_tokens;

test('is an estimate, at once, without a job and without a trace in the limits', async () => {
  const before = await api.traces('anonymous');
  const response = await post(ask());
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ input_tokens: expect.any(Number) });
  expect(response.headers['x-gateway-token-count']).toBe('estimated');
  expect(await api.traces('anonymous')).toEqual(before);
});

const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AAAA' } };
const tool = { name: 'get_weather', description: 'Of a city', input_schema: { type: 'object', properties: {} } };
const said = (...content: object[]) => ({ messages: [...ask().messages, { role: 'user', content }] });

test.for([
  ['a system text', { system: 'Be brief.' }],
  ['another turn', { messages: [...ask().messages, { role: 'assistant', content: 'Five.' }] }],
  ['tools', { tools: [tool] }],
  ['an image', said(image)],
  ['a document', said(pdf)],
  ["a tool's result", said({ type: 'tool_result', tool_use_id: 't', content: [image] })],
] as [string, object][])('grows by %s', async ([, more]) => {
  expect(await countOf(more)).toBeGreaterThan(await countOf());
});

test('what was thought before is not read again', async () => {
  const thought = { type: 'thinking', thinking: 'Bears. '.repeat(50), signature: 's' };
  const turn = (...content: object[]) => ({ messages: [...ask().messages, { role: 'assistant', content }] });
  const text = { type: 'text', text: 'Five.' };
  expect(await countOf(turn(thought, text))).toBe(await countOf(turn(text)));
});

test("a real Claude counts more of the same text than OpenAI's tokenizer does, and a newer one more again", async () => {
  const { headers } = await makeKey(keyed);
  const counts = await Promise.all(
    ['gpt-4o', 'claude-sonnet-4-5', 'claude-opus-4-7'].map(async (model) => {
      const response = await post(ask({ model, system: 'The bears of the north. '.repeat(40) }), headers, keyed);
      return response.json().input_tokens as number;
    }),
  );
  const [gpt = 0, claude = 0, newer = 0] = counts;
  expect(claude / gpt).toBeCloseTo(1.16, 1);
  expect(newer).toBeGreaterThan(claude * 1.15);
});

describe('is refused', () => {
  test.for([
    [{ messages: [] }, 400, 'invalid_request_error', '/messages: must have at least 1 item'],
    [{ model: undefined }, 400, 'invalid_request_error', '/model: is required'],
    [{ model: 'nobody/gpt-4o' }, 404, 'not_found_error', 'nobody/gpt-4o'],
    [{ model: 'gpt-of-tomorrow' }, 404, 'not_found_error', 'gpt-of-tomorrow'],
  ] as [object, number, string, string][])('%j', async ([more, status, type, message]) => {
    const response = await post(ask(more));
    expect(response.statusCode).toBe(status);
    expect(response.json()).toEqual({
      type: 'error',
      error: { type, message: expect.stringContaining(message) },
      request_id: response.headers['request-id'],
    });
  });

  test('who has no key, or one for other models', async () => {
    expect((await post(ask(), {}, keyed)).statusCode).toBe(401);
    const { headers } = await makeKey(keyed, { models: ['openai/gpt-4o'] });
    expect((await post(ask(), headers, keyed)).statusCode).toBe(403);
    expect((await post(ask({ model: 'gpt-4o' }), headers, keyed)).statusCode).toBe(200);
  });

  test('not for what only a provider can be told that speaks the dialect', async () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }];
    expect((await post(ask({ model: 'gpt-4o', tools }))).statusCode).toBe(200);
  });
});
