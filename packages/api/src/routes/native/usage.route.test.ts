import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl') });
  api.answers = () => answered('x');
});
afterAll(() => api?.close());

const ask = (user: string, more: object = {}) =>
  api.generate({ prompt: `counted ${randomUUID()}`, model: 'gpt-4o', user_id: user, ...more });

const nothing = {
  requests: 0,
  cached_requests: 0,
  coalesced_requests: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  tokens: 0,
  cost_usd: 0,
  unpriced_requests: 0,
};

describe('GET /v1/usage/{user_id}', () => {
  test('200 with zeros for somebody who never asked', async () => {
    const response = await api.get('/v1/usage/nobody');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      user_id: 'nobody',
      period: 'all',
      total_requests: 0,
      cached_requests: 0,
      coalesced_requests: 0,
      prompt_tokens: 0,
      completion_tokens: 0,
      total_tokens: 0,
      total_cost_usd: 0,
      average_cost_per_request: 0,
      unpriced_requests: 0,
      model_breakdown: {},
    });
  });

  test('200 with sums per model, of this user alone, exact to the nano-dollar', async () => {
    const user = `Zoë/${randomUUID()}`;
    await ask(user);
    await ask(user);
    await ask(user, { model: 'claude-3-5-sonnet' });
    await ask('somebody else');
    const response = await api.get(`/v1/usage/${encodeURIComponent(user)}`);
    const one = { ...nothing, requests: 1, prompt_tokens: 11, completion_tokens: 7, tokens: 18, cost_usd: 0.0000975 };
    expect(response.json()).toEqual({
      user_id: user,
      period: 'all',
      total_requests: 3,
      cached_requests: 0,
      coalesced_requests: 0,
      prompt_tokens: 33,
      completion_tokens: 21,
      total_tokens: 54,
      total_cost_usd: 0.0002925,
      average_cost_per_request: 0.0000975,
      unpriced_requests: 0,
      model_breakdown: {
        'openai/gpt-4o': {
          ...one,
          requests: 2,
          prompt_tokens: 22,
          completion_tokens: 14,
          tokens: 36,
          cost_usd: 0.000195,
        },
        'anthropic/claude-3-5-sonnet': one,
      },
    });
  });

  test('200 for one day', async () => {
    const user = randomUUID();
    await ask(user);
    const today = new Date().toISOString().slice(0, 10);
    expect((await api.get(`/v1/usage/${user}?day=${today}`)).json()).toMatchObject({
      period: today,
      total_requests: 1,
    });
    expect((await api.get(`/v1/usage/${user}?day=2001-01-01`)).json()).toMatchObject({ total_requests: 0 });
  });

  test('a user id cannot spell the key of something else', async () => {
    const user = randomUUID();
    await ask(user);
    for (const id of ['all', `user:${user}`, '../all', '*', `total:user:${user}`]) {
      expect((await api.get(`/v1/usage/${encodeURIComponent(id)}`)).json().total_requests).toBe(0);
    }
  });

  test.for([
    [`/v1/usage/${'x'.repeat(129)}`, 'user_id', 'must have at most 128 characters'],
    ['/v1/usage/u1?day=yesterday', 'day', 'must be a date such as 2026-11-23'],
    ['/v1/usage/u1?day=2026-02-30', 'day', 'must be a date such as 2026-11-23'],
    [`/v1/rate-limit/${'x'.repeat(129)}`, 'user_id', 'must have at most 128 characters'],
  ] as const)('422 for $0', async ([path, pointer, detail]) => {
    const response = await api.get(path);
    expect(response.statusCode).toBe(422);
    expect(response.json().errors).toEqual([{ pointer, detail }]);
  });
});

describe('GET /v1/rate-limit/{user_id}', () => {
  test('200 with all that is left for somebody new, and asking costs nothing', async () => {
    for (let times = 0; times < 3; times += 1) {
      const response = await api.get('/v1/rate-limit/nobody');
      expect(response.statusCode).toBe(200);
      expect(response.json()).toEqual({
        user_id: 'nobody',
        minute_requests: 0,
        hour_requests: 0,
        minute_limit: 10,
        hour_limit: 100,
        minute_remaining: 10,
        hour_remaining: 100,
        minute_reset_s: 0,
        hour_reset_s: 0,
      });
    }
  });

  test('200 with what a user has used, in body and headers alike', async () => {
    const user = randomUUID();
    await ask(user);
    await ask(user);
    const response = await api.get(`/v1/rate-limit/${user}`);
    const body = response.json();
    expect(body).toMatchObject({ minute_requests: 2, hour_requests: 2, minute_remaining: 8, hour_remaining: 98 });
    expect(body.minute_reset_s).toBeGreaterThan(50);
    expect(body.minute_reset_s).toBeLessThanOrEqual(60);
    expect(body.hour_reset_s).toBeGreaterThan(3590);
    expect(response.headers['x-ratelimit-remaining-requests']).toBe('8');
    expect(response.headers.ratelimit).toMatch(/^"minute";r=8;t=\d+, "hour";r=98;t=\d+$/);
  });
});
