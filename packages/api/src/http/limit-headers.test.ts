import { describe, expect, test } from 'vitest';
import type { RateDecision, WindowState } from '../limits/rate-limiter.ts';
import { limitHeaders } from './limit-headers.ts';

const minute = (used: number, resetMs: number): WindowState => windowOf('minute', 10, 60_000, used, resetMs);
const hour = (used: number, resetMs: number): WindowState => windowOf('hour', 100, 3_600_000, used, resetMs);

function windowOf(name: string, limit: number, windowMs: number, used: number, resetMs: number): WindowState {
  return { name, limit, windowMs, used, remaining: Math.max(0, limit - used), resetMs };
}

const admitted = (...windows: WindowState[]): RateDecision => ({ admitted: true, retryAfterMs: 0, windows });

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

  test('of two windows with the same rest the one that stays so for longer is the tightest', () => {
    const headers = limitHeaders(admitted(minute(3, 1000), hour(93, 7_000)));
    expect(headers).toMatchObject({ 'x-ratelimit-limit-requests': '100', 'x-ratelimit-reset-requests': '7s' });
  });

  test('without windows there is nothing to show', () => {
    expect(limitHeaders(admitted())).toEqual({});
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
