import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import OpenAI from 'openai';
import { expect, inject, onTestFinished, test } from 'vitest';
import { makeKey } from '../../test/make-key.ts';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi } from '../../test/start-test-api.ts';
import { createTestClient } from './test-client.ts';

const ask = (more: object = {}): OpenAI.ChatCompletionCreateParamsNonStreaming => ({
  model: 'gpt-4o',
  messages: [{ role: 'user', content: `hello ${randomUUID()}` }],
  ...more,
});

test('a limit that is reached is told in terms of OpenAI, with when to come back', async () => {
  const api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1' } });
  onTestFinished(() => api.close());
  api.answers = () => answered('Hi.');
  const client = createTestClient(api);
  await client.chat.completions.create(ask({ user: 'ann' }));
  const error = await client.chat.completions.create(ask({ user: 'ann' })).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OpenAI.RateLimitError);
  expect(error).toMatchObject({ type: 'rate_limit_exceeded', code: 'rate_limit_exceeded', param: null });
  const { headers } = error as { headers: Headers };
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(Number(headers.get('retry-after-ms'))).toBeGreaterThan(0);
  expect(headers.get('x-ratelimit-remaining-requests')).toBe('0');
  // Somebody else has a limit of their own; a name too long for us is told apart by its digest.
  await client.chat.completions.create(ask({ user: 'bob' }));
  for (const end of ['a', 'b']) await client.chat.completions.create(ask({ safety_identifier: 'x'.repeat(200) + end }));
});

test('401 and 403 are told in terms of OpenAI', async () => {
  const api = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
  onTestFinished(() => api.close());
  const stranger = await createTestClient(api)
    .chat.completions.create(ask())
    .catch((thrown: unknown) => thrown);
  expect(stranger).toBeInstanceOf(OpenAI.AuthenticationError);
  expect(stranger).toMatchObject({ code: 'invalid_api_key', type: 'authentication_error' });

  const { headers } = await makeKey(api, { scopes: ['generate'], user_id: 'ann', models: ['gpt-4o'] });
  for (const [more, param] of [
    [{ user: 'bob' }, 'user'],
    [{ safety_identifier: 'bob' }, 'safety_identifier'],
    [{ model: 'gpt-4o-mini' }, 'model'],
  ] as const) {
    const response = await api.inject({ method: 'POST', url: '/v1/chat/completions', payload: ask(more), headers });
    expect(response.statusCode).toBe(403);
    expect(response.json().error).toMatchObject({ type: 'permission_error', param });
  }
});

test('a budget that is spent is 429 insufficient_quota, as OpenAI says it', async () => {
  const api = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
  onTestFinished(() => api.close());
  const budgets = [{ period: 'day', limit_usd: '0.000001' }];
  const { headers } = await makeKey(api, { scopes: ['generate'], budgets });
  const payload = ask({ max_completion_tokens: 1000 });
  const response = await api.inject({ method: 'POST', url: '/v1/chat/completions', payload, headers });
  expect(response.statusCode).toBe(429);
  expect(response.json().error).toMatchObject({ type: 'insufficient_quota', code: 'insufficient_quota' });
  expect(response.headers['x-should-retry']).toBe('false');
});
