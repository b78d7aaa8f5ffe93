import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { type MadeKey, makeKey, makeTenant } from '../test/make-key.ts';
import { answered } from '../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../test/start-test-api.ts';

let api: TestApi;
let ann: MadeKey;
let another: MadeKey;
beforeAll(async () => {
  api = await startTestApi({
    redisUrl: inject('redisUrl'),
    authMode: 'keys',
    environment: { MAX_REQUESTS_PER_MINUTE: '1000', MAX_REQUESTS_PER_HOUR: '1000' },
  });
  for (const id of ['acme', 'bolt']) await makeTenant(api, { id });
  [ann, another] = [await makeKey(api, { tenant_id: 'acme' }), await makeKey(api, { tenant_id: 'bolt' })];
});
afterAll(() => api?.close());

/** Bodies of each endpoint that ask the same, at temperature 0. */
let bodies: Record<string, object>;
beforeEach(() => {
  const content = `asked ${randomUUID()}`;
  const messages = [{ role: 'user', content }];
  bodies = {
    '/v1/chat/completions': { model: 'claude-haiku-4-5', messages, temperature: 0, max_tokens: 9 },
    '/v1/messages': { model: 'claude-haiku-4-5', messages, temperature: 0, max_tokens: 9 },
    '/v1/responses': { model: 'claude-haiku-4-5', input: content, temperature: 0, max_output_tokens: 9, store: false },
  };
});

interface Asked {
  whose?: MadeKey;
  headers?: object;
  more?: object;
}

const send = (path: string, { whose = ann, headers = {}, more = {} }: Asked = {}) =>
  api.inject({
    method: 'POST',
    url: path,
    payload: { ...bodies[path], ...more },
    headers: { ...whose.headers, ...headers },
  });

/** How the cache has answered. */
async function cacheOf(path: string, asked: Asked = {}): Promise<string> {
  const response = await send(path, asked);
  expect([path, response.statusCode]).toEqual([path, 200]);
  return String(response.headers['cache-status']).split(';')[1]?.trim() ?? '';
}

describe('an answer that is kept', () => {
  beforeEach(() => {
    api.answers = () => answered('x');
  });

  test.for(['/v1/chat/completions', '/v1/messages', '/v1/responses'])(
    'of %s is given again to equals',
    async (path) => {
      expect(await cacheOf(path)).toBe('fwd=miss');
      expect(await cacheOf(path)).toBe('hit');
      expect(await cacheOf(path, { whose: another }), 'of another tenant').toBe('fwd=miss');
      expect(await cacheOf(path, { more: { temperature: 0.1 }, headers: { 'x-gateway-cache': 'on' } })).toBe(
        'fwd=miss',
      );
      expect(await cacheOf(path, { more: { x_new: 1 } }), 'with a member that nobody knows').toBe('fwd=miss');
      expect(await cacheOf(path, { headers: { 'x-gateway-cache-namespace': 'n' } })).toBe('fwd=miss');
      expect(await cacheOf(path, { headers: { 'x-gateway-cache': 'off' } })).toBe('fwd=bypass');
      const streamed = await send(path, { more: { stream: true } });
      expect(streamed.headers['cache-status']).toContain('gateway; hit');
    },
  );

  test('of one dialect is none of another', async () => {
    const [first = '', ...others] = Object.keys(bodies);
    expect(await cacheOf(first)).toBe('fwd=miss');
    for (const path of others) expect([path, await cacheOf(path)]).toEqual([path, 'fwd=miss']);
  });

  test.for([
    ['/v1/messages', 'anthropic-beta'],
    ['/v1/messages', 'anthropic-version'],
    ['/v1/chat/completions', 'openai-organization'],
    ['/v1/responses', 'openai-project'],
  ] as const)('of %s is one for every %s', async ([path, name]) => {
    expect(await cacheOf(path, { headers: { [name]: '2023-06-01' } })).toBe('fwd=miss');
    expect(await cacheOf(path, { headers: { [name]: '2023-06-01' } })).toBe('hit');
    expect(await cacheOf(path, { headers: { [name]: '2024-06-01' } })).toBe('fwd=miss');
    expect(await cacheOf(path)).toBe('fwd=miss');
  });
});

describe('a call in flight', () => {
  beforeEach(() => {
    api.answers = undefined;
  });

  const leaderOf = async (path: string, tenant: string, asked: Asked) => {
    const before = api.accepted.length;
    const response = await send(path, { ...asked, headers: { prefer: 'respond-async', ...asked.headers } });
    expect(response.statusCode).toBe(202);
    return (await api.deps.jobs.find(tenant, await api.job(before)))?.leader;
  };

  test.for(['/v1/chat/completions', '/v1/messages', '/v1/responses'])(
    'of %s is shared by equals alone',
    async (path) => {
      expect(await leaderOf(path, 'acme', {})).toBeUndefined();
      expect(await leaderOf(path, 'acme', {})).toMatch(/^job_/);
      expect(await leaderOf(path, 'bolt', { whose: another })).toBeUndefined();
      expect(await leaderOf(path, 'acme', { more: { temperature: 1 } })).toBeUndefined();
      expect(
        await leaderOf(path, 'acme', { headers: { 'anthropic-beta': 'x', 'openai-project': 'y' } }),
      ).toBeUndefined();
    },
  );
});
