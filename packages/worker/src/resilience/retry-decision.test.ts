import type { FailureCode } from '@llm-gateway/shared/contracts/failure';
import { expect, test } from 'vitest';
import { decideRetry } from './retry-decision.ts';

const limits = { attempts: 3, baseDelayMs: 1000, retryAfterMaxMs: 600_000 };
const failure = (code: FailureCode, retryAfterMs?: number) => ({
  code,
  detail: 'x',
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

test.for([
  [1, 0, 500],
  [1, 1, 1000],
  [2, 0, 1000],
  [2, 0.5, 1500],
  [2, 1, 2000],
] as const)('attempt %i with random %d waits %i ms', ([attempt, random, delayMs]) => {
  expect(decideRetry(failure('provider_busy'), attempt, limits, () => random)).toEqual({ kind: 'retry', delayMs });
});

test('backoff stops growing at a minute', () => {
  expect(decideRetry(failure('provider_busy'), 12, { ...limits, attempts: 20 }, () => 1)).toEqual({
    kind: 'retry',
    delayMs: 60_000,
  });
});

test('the last attempt is final', () => {
  expect(decideRetry(failure('provider_busy'), 3, limits, Math.random)).toEqual({ kind: 'final' });
});

test.for(['provider_refused', 'provider_misconfigured', 'provider_quota_spent'] as const)(
  '%s is not tried again',
  (code) => {
    expect(decideRetry(failure(code), 1, limits, Math.random)).toEqual({ kind: 'final' });
  },
);

test('Retry-After is a lower bound', () => {
  expect(decideRetry(failure('provider_rate_limited', 7000), 1, limits, () => 1)).toEqual({
    kind: 'retry',
    delayMs: 7000,
  });
});

test('a Retry-After beyond all patience ends the job', () => {
  expect(decideRetry(failure('provider_rate_limited', 600_001), 1, limits, () => 1)).toEqual({ kind: 'final' });
});

test.for([
  [1001, { kind: 'retry', delayMs: 1000 }],
  [1000, { kind: 'final' }],
  [-1, { kind: 'final' }],
] as const)(
  'with %i ms left until the deadline, an attempt that would begin after it is none',
  ([leftMs, decision]) => {
    expect(decideRetry(failure('provider_busy'), 1, { ...limits, leftMs }, () => 1)).toEqual(decision);
  },
);
