import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Budget } from '@llm-gateway/shared/contracts/policy';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { budgetRules } from '../budget/budget-rule.ts';
import { periodName } from '../budget/period.ts';
import { createJobCommands } from '../jobs/job-commands.ts';
import { rulesOf } from '../limits/limit-rule.ts';
import { createRateLimiter } from '../limits/rate-limiter.ts';
import type { Policy } from '../tenants/policies.ts';
import { newJob, policyOf } from '../test/new-job.ts';
import { type Accepter, createAccepter } from './accept.ts';

let redis: Redis;
let keys: Keys;
let accept: Accepter;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
afterAll(() => redis.quit());
beforeEach(() => {
  keys = createKeys(`test-${randomUUID().slice(0, 18)}`);
  accept = accepter(redis);
});

const queued = { add: async () => undefined, requeue: async () => undefined, remove: async () => undefined };

const accepter = (over: Redis, laneQueues: Pick<typeof queued, 'add' | 'requeue'> = queued) =>
  createAccepter({
    redis: over,
    keys,
    laneQueues,
    instanceId: 'inst_1',
    maxAttempts: 3,
    resultTtlMs: 60_000,
    graceMs: { continue: 30_000, cancel: 5000 },
  });

const key = spendSubject.key('key_1');
const tenant = spendSubject.tenant('default');

const budget = (limit_usd: string, period: Budget['period'] = 'total'): Budget => ({
  period,
  limit_usd,
  alert_percents: [],
});

const policyWith = (...budgets: Policy['budgets']): Policy => ({ ...policyOf(1_000_000, 1_000_000), budgets });
const ofKey = (limit_usd: string, period?: Budget['period']) => budgetRules('key', key, [budget(limit_usd, period)]);
const ofTenant = (limit_usd: string) => budgetRules('tenant', tenant, [budget(limit_usd)]);

/** A generation that may cost 0.001 USD. */
const estimate = { tokens: 500, nanoUsd: 1_000_000n };

const spend = async (subject: string, period = 'total') => {
  const [spent, reserved, unsettled] = await redis.hmget(keys.spend(subject, period), 'spent', 'reserved', 'unsettled');
  return { spent: Number(spent ?? 0), reserved: Number(reserved ?? 0), unsettled: Number(unsettled ?? 0) };
};

const refusalOf = async (accepting: Promise<unknown>) => {
  const error = await accepting.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GatewayError)) throw error ?? new Error('it was accepted');
  return error.failure;
};

test('a thousand at once over five connections: as many as the budget pays for, and not one more', async () => {
  const connections = Array.from({ length: 5 }, () => new Redis(inject('redisUrl')));
  const accepters = connections.map((connection) => accepter(connection));
  const policy = policyWith(...ofKey('0.0375'));
  const outcomes = await Promise.allSettled(
    Array.from({ length: 1000 }, (_, i) => accepters[i % 5]?.(newJob({ policy, estimate }))),
  );
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  expect(outcomes.length - refused.length).toBe(37);
  expect(new Set(refused.map(({ failure }) => failure.code))).toEqual(new Set(['budget_exceeded']));
  expect(await spend(key)).toEqual({ spent: 0, reserved: 37_000_000, unsettled: 0 });
  await Promise.all(connections.map((connection) => connection.quit()));
});

test('a refusal says whose budget it is, what stands in it, what is needed and when there is more', async () => {
  await redis.hset(keys.spend(key, periodName('day', Date.now())), { spent: 4_990_000_000, reserved: 9_500_000 });
  const failure = await refusalOf(accept(newJob({ policy: policyWith(...ofKey('5', 'day')), estimate })));
  expect(failure.code).toBe('budget_exceeded');
  expect(failure.detail).toMatch(
    /^The daily budget of this API key is 5 USD: 4\.99 USD is spent and 0\.0095 USD is reserved for generations under way and this generation may cost up to 0\.001 USD\. A smaller max_tokens or a shorter prompt may fit into what is left\. The next day begins at \d{4}-\d\d-\d\dT00:00:00\.000Z\.$/,
  );
});

test('a refusal by a budget with nothing left does not send its reader after a smaller request', async () => {
  await redis.hset(keys.spend(key, 'total'), { spent: 4_000_000_000, reserved: 900_000_000, unsettled: 100_000_000 });
  const { detail } = await refusalOf(accept(newJob({ policy: policyWith(...ofKey('5')), estimate })));
  expect(detail).toMatch(/ may cost up to 0\.001 USD\.$/);
});

describe('what is refused leaves no trace', () => {
  test('by one of several budgets: nothing is reserved in the others, and no limit has counted it', async () => {
    const policy = policyWith(...ofTenant('1'), ...ofKey('0.0005'));
    const job = newJob({ policy, estimate });
    expect((await refusalOf(accept(job))).detail).toContain('of this API key');
    expect(await spend(tenant)).toEqual({ spent: 0, reserved: 0, unsettled: 0 });
    expect(await redis.exists(keys.job(job.id))).toBe(0);
    expect((await accept(newJob({ policy: policyOf(1, 1) }))).kind).toBe('accepted');
  });

  test('by a limit: nothing is reserved', async () => {
    const policy = { ...policyWith(...ofKey('1')), rules: policyOf(0, 10).rules };
    expect((await refusalOf(accept(newJob({ policy, estimate })))).code).toBe('rate_limited');
    expect(await spend(key)).toEqual({ spent: 0, reserved: 0, unsettled: 0 });
  });

  test('but for one word to whoever wants to know, once in a period', async () => {
    const policy = policyWith(...ofKey('0.0001', 'month'));
    for (let i = 0; i < 3; i++) await refusalOf(accept(newJob({ policy, estimate })));
    const told = (await redis.xrange(keys.webhookOutbox, '-', '+')).map(([, fields]) => pairsToHash(fields));
    expect(told).toMatchObject([
      {
        type: 'budget.exceeded',
        tenant: 'default',
        subject: key,
        limit: '100000',
        spent: '0',
        needed: '1000000',
        percent: '0',
      },
    ]);
    expect(await redis.pttl(keys.spend(key, periodName('month', Date.now())))).toBeGreaterThan(0);
  });

  test('and for another one when the budget was changed, and refuses again', async () => {
    for (const limit of ['0.0001', '0.0002', '0.0002', '0.0001']) {
      await refusalOf(accept(newJob({ policy: policyWith(...ofKey(limit)), estimate })));
    }
    const told = (await redis.xrange(keys.webhookOutbox, '-', '+')).map(([, fields]) => pairsToHash(fields));
    expect(told.map(({ limit }) => limit)).toEqual(['100000', '200000']);
  });
});

describe('what was reserved is given back', () => {
  const held = (): Policy => ({
    rules: rulesOf({ scope: 'key', subject: 'key:key_1', limits: { tokens_per_minute: 10_000, concurrency: 5 } }),
    budgets: ofKey('1'),
  });
  /** What its limits have counted: tokens, and places taken. */
  const counted = async () => {
    const { rules } = await createRateLimiter({ redis, keyFor: keys.limit }).peek(held().rules);
    return rules.map(({ used }) => used);
  };

  test('when a job that waits is cancelled', async () => {
    const job = newJob({ policy: held(), estimate });
    await accept(job);
    expect(await spend(key)).toEqual({ spent: 0, reserved: 1_000_000, unsettled: 0 });
    expect(await counted()).toEqual([500, 1]);
    await createJobCommands({ redis, keys, laneQueues: queued }).cancel(job.id, 'sandbox');
    expect(await spend(key)).toEqual({ spent: 0, reserved: 0, unsettled: 0 });
    expect(await counted()).toEqual([0, 0]);
  });

  test('when nobody knows whether it was queued', async () => {
    const unreachable = accepter(redis, {
      add: () => Promise.reject(new GatewayError({ code: 'dependency_down', detail: 'Redis is away.' })),
      requeue: async () => undefined,
    });
    const failure = await refusalOf(unreachable(newJob({ policy: held(), estimate })));
    expect(failure.code).toBe('dependency_down');
    await waitFor(async () => (await spend(key)).reserved === 0, { what: 'the reservation is given back' });
    expect(await counted()).toEqual([0, 0]);
  });
});

test('a repeat of the command reserves once', async () => {
  const job = newJob({ policy: policyWith(...ofKey('1')), estimate });
  await accept(job);
  await accept(job);
  expect((await spend(key)).reserved).toBe(1_000_000);
});

test('who shares the call of another one reserves for the case that it has to lead, and counts against no limit', async () => {
  const shared = { store: { digest: randomUUID(), ttlMs: 1000 }, isShareable: true };
  const policy = { ...policyOf(1, 1), budgets: ofKey('1') };
  expect((await accept(newJob({ policy, estimate, ...shared }))).kind).toBe('accepted');
  expect((await accept(newJob({ policy, estimate, ...shared }))).kind).toBe('followed');
  expect((await spend(key)).reserved).toBe(2_000_000);
});

test('amounts are exact to the nano-dollar near the largest budget there is', async () => {
  await redis.hset(keys.spend(key, 'total'), { spent: '8999999999999998' });
  const policy = policyWith(...ofKey('9000000'));
  expect((await accept(newJob({ policy, estimate: { tokens: 1, nanoUsd: 2n } }))).kind).toBe('accepted');
  expect((await refusalOf(accept(newJob({ policy, estimate: { tokens: 1, nanoUsd: 1n } })))).code).toBe(
    'budget_exceeded',
  );
});
