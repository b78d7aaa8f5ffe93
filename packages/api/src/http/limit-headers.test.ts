import { describe, expect, test } from 'vitest';
import type { RateDecision, RuleState } from '../limits/rate-limiter.ts';
import { limitHeaders } from './limit-headers.ts';

function rule(name: string, measure: RuleState['measure'], limit: number, windowMs: number) {
  return (used: number, resetMs: number): RuleState => {
    const remaining = Math.max(0, limit - used);
    return { name, scope: 'user', subject: 's', measure, limit, windowMs, used, remaining, resetMs };
  };
}

const minute = rule('minute', 'requests', 10, 60_000);
const hour = rule('hour', 'requests', 100, 3_600_000);
const tokens = rule('tokens', 'tokens', 20_000, 60_000);
const tokensOfKey = rule('key-tokens', 'tokens', 50_000, 60_000);
const places = rule('concurrency', 'concurrency', 5, 86_400_000);

const admitted = (...rules: RuleState[]): RateDecision => ({ admitted: true, retryAfterMs: 0, rules });

describe('an admitted request', () => {
  test('shows every window and, for OpenAI clients, the tightest', () => {
    expect(limitHeaders(admitted(minute(1, 42_000), hour(1, 3_541_001)))).toEqual({
      'ratelimit-policy': '"minute";q=10;w=60, "hour";q=100;w=3600',
      ratelimit: '"minute";r=9;t=42, "hour";r=99;t=3542',
      'x-ratelimit-limit-requests': '10',
      'x-ratelimit-remaining-requests': '9',
      'x-ratelimit-reset-requests': '42s',
    });
  });

  test('shows windows of tokens as such, and apart from those of requests', () => {
    expect(limitHeaders(admitted(minute(1, 42_000), tokens(500, 42_060), tokensOfKey(30_001, 1500)))).toEqual({
      'ratelimit-policy':
        '"minute";q=10;w=60, "tokens";q=20000;w=60;qu="tokens", "key-tokens";q=50000;w=60;qu="tokens"',
      ratelimit: '"minute";r=9;t=42, "tokens";r=19500;t=43, "key-tokens";r=19999;t=2',
      'x-ratelimit-limit-requests': '10',
      'x-ratelimit-remaining-requests': '9',
      'x-ratelimit-reset-requests': '42s',
      'x-ratelimit-limit-tokens': '20000',
      'x-ratelimit-remaining-tokens': '19500',
      'x-ratelimit-reset-tokens': '42.06s',
    });
  });

  test('whose tokens alone are limited shows nothing of requests', () => {
    expect(
      Object.keys(limitHeaders(admitted(tokens(500, 42_000)))).filter((name) => name.endsWith('requests')),
    ).toEqual([]);
  });

  test('of two windows with the same rest the one that stays so for longer is the tightest', () => {
    const headers = limitHeaders(admitted(minute(3, 1000), hour(93, 7_000)));
    expect(headers).toMatchObject({ 'x-ratelimit-limit-requests': '100', 'x-ratelimit-reset-requests': '7s' });
  });

  test('without windows there is nothing to show: places that are held are none', () => {
    expect(limitHeaders(admitted())).toEqual({});
    expect(limitHeaders(admitted(places(5, 0)))).toEqual({});
    expect(limitHeaders(admitted(minute(1, 0), places(5, 0)))).toEqual(limitHeaders(admitted(minute(1, 0))));
  });

  test.for([
    [0, '0s'],
    [12, '12ms'],
    [999, '999ms'],
    [1000, '1s'],
    [1500, '1.5s'],
    [42_000, '42s'],
    [59_999, '59.999s'],
    [60_000, '1m0s'],
    [360_000, '6m0s'],
    [3_600_000, '1h0m0s'],
    [3_661_250, '1h1m1.25s'],
    [90_000_000, '25h0m0s'],
  ] as const)('%i ms until reset read %s, as Go prints a duration', ([resetMs, text]) => {
    expect(limitHeaders(admitted(hour(1, resetMs)))['x-ratelimit-reset-requests']).toBe(text);
  });
});

test("Anthropic's clients read of the tightest in its own names, and when it is as full again as a time", () => {
  const atMs = Date.parse('2026-11-24T12:00:00Z');
  const decision = admitted(minute(1, 42_000), hour(1, 3_541_001), tokens(500, 42_060));
  expect(limitHeaders(decision, 'anthropic', atMs)).toEqual({
    'ratelimit-policy': '"minute";q=10;w=60, "hour";q=100;w=3600, "tokens";q=20000;w=60;qu="tokens"',
    ratelimit: '"minute";r=9;t=42, "hour";r=99;t=3542, "tokens";r=19500;t=43',
    'anthropic-ratelimit-requests-limit': '10',
    'anthropic-ratelimit-requests-remaining': '9',
    'anthropic-ratelimit-requests-reset': '2026-11-24T12:00:42.000Z',
    'anthropic-ratelimit-tokens-limit': '20000',
    'anthropic-ratelimit-tokens-remaining': '19500',
    'anthropic-ratelimit-tokens-reset': '2026-11-24T12:00:42.060Z',
  });
  expect(limitHeaders(decision, 'openai')).toEqual(limitHeaders(decision));
});
