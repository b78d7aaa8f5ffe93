import { Redis } from 'ioredis';
import { afterAll, expect, inject, test } from 'vitest';
import { ownKeys } from './clocked-limiter.ts';
import type { LimitRule } from './limit-rule.ts';
import { createRateLimiter } from './rate-limiter.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string; // by tests/global-setup.ts, which this package's type check does not see
  }
}

const redis = new Redis(inject('redisUrl'));
afterAll(() => redis.quit());

const rule = (measure: LimitRule['measure'], limit: number, windowMs = 3_600_000): LimitRule => ({
  name: `${measure}-${limit}`,
  scope: 'user',
  subject: 'ann',
  measure,
  limit,
  windowMs,
});

test.for([
  ['a log of 10', [rule('requests', 10)], 10],
  ['a log of 1,000', [rule('requests', 1000)], 1000],
  ['slots', [rule('tokens', 100)], 100],
  ['concurrency', [rule('concurrency', 100)], 100],
  ['all of them', [rule('requests', 400), rule('tokens', 300), rule('concurrency', 500)], 300],
] as const)('1,000 requests at once over five connections: %s admits exactly its limit', async ([, rules, limit]) => {
  const keyFor = ownKeys();
  const connections = Array.from({ length: 5 }, () => new Redis(inject('redisUrl')));
  const limiters = connections.map((connection) => createRateLimiter({ redis: connection, keyFor }));
  const decisions = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => limiters[i % 5]!.admit(rules, { id: `r${i}`, tokens: 1 })),
  );
  expect(decisions.filter(({ admitted }) => admitted)).toHaveLength(limit);
  const { rules: states } = await limiters[0]!.peek(rules);
  expect(states.map(({ used }) => used)).toEqual(rules.map(() => limit));
  await Promise.all(connections.map((connection) => connection.quit()));
});

test('users do not share a window, and a wait that was told suffices', async () => {
  const limiter = createRateLimiter({ redis, keyFor: ownKeys() });
  const ofAnn = rule('requests', 1, 1000);
  const ofBob = { ...ofAnn, subject: 'bob' };
  await limiter.admit([ofAnn], { id: 'a1', tokens: 1 });
  expect(await limiter.admit([ofBob], { id: 'b1', tokens: 1 })).toMatchObject({ admitted: true });
  const { admitted, retryAfterMs } = await limiter.admit([ofAnn], { id: 'a2', tokens: 1 });
  expect(admitted).toBe(false);
  expect(retryAfterMs).toBeLessThanOrEqual(1000);
  await new Promise((resolve) => setTimeout(resolve, retryAfterMs + 1));
  expect(await limiter.admit([ofAnn], { id: 'a2', tokens: 1 })).toMatchObject({ admitted: true });
});
