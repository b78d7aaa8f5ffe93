import { randomUUID } from 'node:crypto';
import type { Limits } from '@llm-gateway/shared/contracts/policy';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import Fastify from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import { Redis } from 'ioredis';
import { afterAll, expect, inject, test } from 'vitest';
import type { Caller } from '../../auth/caller.ts';
import { handleErrors } from '../../http/error-handler.ts';
import { validateWithZod } from '../../http/validate.ts';
import { rulesOf } from '../../limits/limit-rule.ts';
import { createRateLimiter } from '../../limits/rate-limiter.ts';
import type { PolicySubject } from '../../tenants/policies.ts';
import { rateLimitRoute } from './rate-limit.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string; // by tests/global-setup.ts, which this package's type check does not see
  }
}

const redis = new Redis(inject('redisUrl'));
afterAll(() => redis.quit());

/** The route alone, for a caller with these limits of its users and of its key. */
async function serve({
  ofUsers,
  ofKey = {},
  caller = {},
}: {
  ofUsers: Limits;
  ofKey?: Limits;
  caller?: Partial<Caller>;
}) {
  const rulesFor = (userId: string) => [
    ...rulesOf({ scope: 'user', subject: `user:${userId}`, limits: ofUsers }),
    ...rulesOf({ scope: 'key', subject: 'key:k1', limits: ofKey }),
  ];
  const asked: PolicySubject[] = [];
  const policies = {
    async of(subject: PolicySubject) {
      asked.push(subject);
      return { rules: rulesFor(subject.userId) };
    },
  };
  const limiter = createRateLimiter({ redis, keyFor: createKeys(`test-${randomUUID()}`).limit });
  const app = Fastify();
  app.setValidatorCompiler(validateWithZod);
  app.setSerializerCompiler(serializerCompiler);
  app.decorateRequest('caller');
  app.addHook('onRequest', async (request) => {
    request.caller = { tenantId: 'acme', role: 'key', scopes: ['read'], keyId: 'k1', ...caller };
  });
  handleErrors(app);
  await app.register(rateLimitRoute, { limiter, policies });
  const get = (userId: string, query = '') =>
    app.inject({ url: `/v1/rate-limit/${encodeURIComponent(userId)}${query}` });
  const spend = (userId: string, tokens: number) => limiter.admit(rulesFor(userId), { id: randomUUID(), tokens });
  return { get, spend, asked };
}

const requests = { requests_per_minute: 10, requests_per_hour: 100 };
const unused = {
  minute_requests: 0,
  hour_requests: 0,
  minute_limit: 10,
  hour_limit: 100,
  minute_remaining: 10,
  hour_remaining: 100,
  minute_reset_s: 0,
  hour_reset_s: 0,
};

test('200 with requests alone where tokens and concurrency are not limited', async () => {
  const { get, asked } = await serve({ ofUsers: requests });
  const response = await get('ann@example.com');
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ user_id: 'ann@example.com', ...unused });
  expect(asked).toEqual([{ tenantId: 'acme', keyId: 'k1', userId: 'ann@example.com' }]);
});

test('200 with tokens and places where they are limited, and asking costs nothing', async () => {
  const { get, spend } = await serve({ ofUsers: { ...requests, tokens_per_minute: 1000, concurrency: 3 } });
  expect((await get('ann')).json()).toEqual({
    user_id: 'ann',
    ...unused,
    minute_tokens: 0,
    token_limit: 1000,
    tokens_remaining: 1000,
    token_reset_s: 0,
    concurrency: { limit: 3, used: 0 },
  });
  await spend('ann', 400);
  const body = (await get('ann')).json();
  expect(body).toMatchObject({
    minute_requests: 1,
    minute_remaining: 9,
    minute_tokens: 400,
    tokens_remaining: 600,
    concurrency: { limit: 3, used: 1 },
  });
  expect(body.token_reset_s).toBeGreaterThan(50);
  expect(body.token_reset_s).toBeLessThanOrEqual(60.06);
  expect((await get('bob')).json()).toMatchObject({ minute_requests: 0, minute_tokens: 0 });
});

test('the limits of the key are in the headers beside those of the user', async () => {
  const { get, spend } = await serve({ ofUsers: requests, ofKey: { requests_per_minute: 3, tokens_per_minute: 500 } });
  await spend('bob', 100);
  const { headers, ...response } = await get('ann');
  expect(response.json()).toEqual({ user_id: 'ann', ...unused });
  expect(headers['ratelimit-policy']).toBe(
    '"minute";q=10;w=60, "hour";q=100;w=3600, "key-minute";q=3;w=60, "key-tokens";q=500;w=60;qu="tokens"',
  );
  expect(headers).toMatchObject({ 'x-ratelimit-remaining-requests': '2', 'x-ratelimit-remaining-tokens': '400' });
});

test('what is not limited has no limit and nothing used', async () => {
  const { get } = await serve({ ofUsers: { requests_per_hour: 5 } });
  expect((await get('ann')).json()).toMatchObject({
    minute_requests: 0,
    minute_limit: null,
    minute_remaining: null,
    minute_reset_s: 0,
    hour_limit: 5,
  });
});

test('403 for another user than the one that a key is bound to', async () => {
  const { get } = await serve({ ofUsers: requests, caller: { boundUserId: 'ann' } });
  expect((await get('bob')).json()).toMatchObject({ status: 403, code: 'forbidden' });
  expect((await get('ann')).statusCode).toBe(200);
});

test('of another tenant for the operator, and for nobody else', async () => {
  const operator = await serve({
    ofUsers: requests,
    caller: { tenantId: 'default', role: 'operator', keyId: undefined },
  });
  expect((await operator.get('u1', '?tenant_id=acme')).statusCode).toBe(200);
  expect(operator.asked).toMatchObject([{ tenantId: 'acme', userId: 'u1' }]);
  const other = await serve({ ofUsers: requests });
  expect((await other.get('u1', '?tenant_id=default')).statusCode).toBe(404);
  expect(other.asked).toEqual([]);
});
