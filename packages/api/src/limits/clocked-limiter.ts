import { randomUUID } from 'node:crypto';
import { limitsLua } from '@llm-gateway/shared/limits/limits-lua';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { LimitRule } from './limit-rule.ts';
import { limitWith, type RateDecision } from './rate-limiter.ts';

/** The production script with its one reading of the clock replaced by two further arguments. */
export const clockedLua = `${limitsLua.replace(
  "redis.call('TIME')",
  '{ ARGV[#ARGV - 1], ARGV[#ARGV] }',
)}\nreturn (limits(KEYS, ARGV))`;

export const startUs = 1_795_000_000_000_123;
export const ms = 1000;

/** Keys that no other test shares. */
export function ownKeys() {
  const prefix = `{test-${randomUUID()}}`;
  return (subject: string, window: string) => `${prefix}:${window}:${subject}`;
}

/** The real limiter under a clock that the test sets, in microseconds since the epoch. */
export function clockedLimiter(redis: Redis) {
  const keyFor = ownKeys();
  let nowUs = startUs;
  const limiter = limitWith((keys, args) => {
    const clock = [Math.floor(nowUs / 1_000_000), nowUs % 1_000_000];
    return redis.eval(clockedLua, keys.length, ...keys, ...args, ...clock);
  }, keyFor);
  let count = 0;
  const admitAt = (us: number, rules: readonly LimitRule[], { id = `r${count++}`, tokens = 1 } = {}) => {
    nowUs = us;
    return limiter.admit(rules, { id, tokens });
  };
  const peekAt = (us: number, rules: readonly LimitRule[]) => {
    nowUs = us;
    return limiter.peek(rules);
  };
  /** Admits `times` requests at once and gives the last decision. */
  const fillAt = async (us: number, rules: readonly LimitRule[], times: number) => {
    const decisions = await Promise.all(Array.from({ length: times }, () => admitAt(us, rules)));
    expect(decisions.every(({ admitted }) => admitted)).toBe(true);
    return decisions[times - 1];
  };
  return { keyFor, admitAt, peekAt, fillAt };
}

export type PeekAt = (us: number, rules: readonly LimitRule[]) => Promise<RateDecision>;

/** A request is refused at `us`, and the wait names the first whole millisecond after it that admits it. */
export async function expectExactRetry(peekAt: PeekAt, us: number, rules: readonly LimitRule[]) {
  const { admitted, retryAfterMs } = await peekAt(us, rules);
  expect(admitted).toBe(false);
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(await peekAt(us + (retryAfterMs - 1) * ms, rules)).toMatchObject({ admitted: false });
  expect(await peekAt(us + retryAfterMs * ms, rules)).toMatchObject({ admitted: true });
}

/** `used` falls at the millisecond that `resetMs` names, and not before. */
export async function expectExactReset(peekAt: PeekAt, us: number, rule: LimitRule) {
  const stateAt = async (at: number) => (await peekAt(at, [rule])).rules[0];
  const { used = 0, resetMs = 0 } = (await stateAt(us)) ?? {};
  expect((await stateAt(us + (resetMs - 1) * ms))?.used).toBe(used);
  expect((await stateAt(us + resetMs * ms))?.used).toBeLessThan(used);
}
