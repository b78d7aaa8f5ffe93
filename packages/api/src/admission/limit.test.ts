import { expect, test } from 'vitest';
import type { LimitRule } from '../limits/limit-rule.ts';
import type { RuleState } from '../limits/rate-limiter.ts';
import { RateLimited } from './limit.ts';

function rule(measure: LimitRule['measure'], limit: number, used: number, more: Partial<RuleState> = {}): RuleState {
  const remaining = Math.max(0, limit - used);
  return {
    name: 'n',
    scope: 'user',
    subject: 's',
    measure,
    limit,
    windowMs: 60_000,
    used,
    remaining,
    resetMs: 0,
    ...more,
  };
}

const perHour = { windowMs: 3_600_000 };

test.for([
  ['one window', [rule('requests', 10, 10)], 1, 'The limit of 10 requests per minute of this user is reached.'],
  ['of one', [rule('requests', 1, 1, perHour)], 1, 'The limit of 1 request per hour of this user is reached.'],
  ['of none', [rule('requests', 0, 0)], 1, 'The limit of 0 requests per minute of this user is reached.'],
  [
    'those that refuse, of those that do not',
    [
      rule('requests', 10, 10, { scope: 'key' }),
      rule('requests', 100, 99, perHour),
      rule('requests', 7, 9, { scope: 'tenant', ...perHour }),
    ],
    1,
    'The limits of 10 requests per minute of this API key and 7 requests per hour of the tenant are reached.',
  ],
  [
    'those of a model',
    [rule('requests', 10, 10, { scope: 'key', model: 'openai/gpt-4o' })],
    1,
    'The limit of 10 requests per minute of this API key for openai/gpt-4o is reached.',
  ],
  ['places', [rule('concurrency', 5, 5)], 1, 'The limit of 5 generations at once of this user is reached.'],
  [
    'tokens of which some are left',
    [rule('tokens', 20_000, 18_800)],
    5000,
    'The limit of 20000 tokens per minute of this user is reached: the request needs 5000 tokens, 1200 are left.',
  ],
  [
    'tokens of which there are none',
    [rule('tokens', 0, 0)],
    0,
    'The limit of 0 tokens per minute of this user is reached: the request needs 0 tokens, 0 are left.',
  ],
  [
    'all three',
    [rule('requests', 1, 1), rule('tokens', 10, 9), rule('concurrency', 1, 1, { scope: 'tenant' })],
    2,
    'The limits of 1 request per minute of this user, 10 tokens per minute of this user and 1 generation at once ' +
      'of the tenant are reached: the request needs 2 tokens, 1 is left.',
  ],
  [
    'a request that is too heavy for ever',
    [
      rule('requests', 1, 1),
      rule('tokens', 30_000, 0, { scope: 'tenant' }),
      rule('tokens', 20_000, 0, { scope: 'key' }),
    ],
    40_000,
    'The request needs 40000 tokens and can never pass the limit of 20000 tokens per minute of this API key: ' +
      'shorten the prompt or lower max_tokens.',
    3_600_000,
  ],
] as const)('a refusal names %s', ([, rules, tokens, detail, retryAfterMs = 1234]) => {
  const decision = { admitted: false, retryAfterMs: 1234, rules: [...rules] };
  const refusal = new RateLimited(decision, tokens);
  expect(refusal.failure).toEqual({ code: 'rate_limited', detail, retryAfterMs });
  expect(refusal.decision).toBe(decision);
});
