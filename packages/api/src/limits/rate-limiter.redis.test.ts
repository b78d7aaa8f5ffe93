import { Redis } from 'ioredis';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { clockedLimiter, clockedLua, expectExactReset, expectExactRetry, ms, startUs } from './clocked-limiter.ts';
import { type LimitRule, rulesOf } from './limit-rule.ts';
import { heldKeys, loggedLimitMax, tokenWindows } from './rate-limiter.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string; // by tests/global-setup.ts, which this package's type check does not see
  }
}

const redis = new Redis(inject('redisUrl'));
afterAll(() => redis.quit());

const rule = (name: string, measure: LimitRule['measure'], limit: number, windowMs: number): LimitRule => ({
  name,
  scope: 'user',
  subject: 'ann',
  measure,
  limit,
  windowMs,
});
const minute = (limit: number) => rule('minute', 'requests', limit, 60_000);
const hour = (limit: number) => rule('hour', 'requests', limit, 3_600_000);
const tokens = (limit: number) => rule('tokens', 'tokens', limit, 60_000);
const concurrency = (limit: number) => rule('concurrency', 'concurrency', limit, 86_400_000);

test('the script reads the clock in one place, which the tests replace', () => {
  expect(clockedLua).not.toContain("'TIME'");
  expect(clockedLua).toContain('ARGV[#ARGV - 1]');
});

describe('a logged window', () => {
  test('counts a request for exactly its length, to the microsecond', async () => {
    const { admitAt } = clockedLimiter(redis);
    expect(await admitAt(startUs, [minute(1)])).toMatchObject({ admitted: true, retryAfterMs: 0 });
    expect(await admitAt(startUs + 60_000 * ms - 1, [minute(1)])).toMatchObject({ admitted: false, retryAfterMs: 1 });
    expect(await admitAt(startUs + 60_000 * ms, [minute(1)])).toMatchObject({ admitted: true });
  });

  test('tells what is used, what remains and when the oldest leaves', async () => {
    const { admitAt, peekAt } = clockedLimiter(redis);
    expect((await peekAt(startUs, [minute(3)])).rules).toEqual([{ ...minute(3), used: 0, remaining: 3, resetMs: 0 }]);
    await admitAt(startUs, [minute(3)]);
    expect((await admitAt(startUs + 18_000 * ms, [minute(3)])).rules).toEqual([
      { ...minute(3), used: 2, remaining: 1, resetMs: 42_000 },
    ]);
  });

  test('a repeated id is admitted and counted once, even when the window is full', async () => {
    const { admitAt, peekAt } = clockedLimiter(redis);
    const rules = [minute(1), hour(5000), tokens(100)];
    await admitAt(startUs, rules, { id: 'same', tokens: 70 });
    expect(await admitAt(startUs + 5, rules, { id: 'same', tokens: 70 })).toMatchObject({
      admitted: true,
      retryAfterMs: 0,
      rules: [{ used: 1 }, { used: 1 }, { used: 70 }],
    });
    expect(await admitAt(startUs + 5, rules, { id: 'other' })).toMatchObject({ admitted: false });
    expect((await peekAt(startUs + 60_000 * ms, [minute(1)])).rules).toMatchObject([{ used: 0 }]);
  });

  test('a lowered limit holds at once, and the wait counts all that must leave', async () => {
    const { admitAt, peekAt } = clockedLimiter(redis);
    for (const second of [0, 1, 2, 3]) await admitAt(startUs + second * 1000 * ms, [minute(4)]);
    const lowered = await peekAt(startUs + 10_000 * ms, [minute(2)]);
    // Four are counted and one of two may stay: the third oldest, made at 2 s, leaves at 62 s.
    expect(lowered).toMatchObject({ admitted: false, retryAfterMs: 52_000, rules: [{ used: 4, remaining: 0 }] });
    expect(await peekAt(startUs + 62_000 * ms - 1, [minute(2)])).toMatchObject({ admitted: false });
    expect(await admitAt(startUs + 62_000 * ms, [minute(2)])).toMatchObject({ admitted: true });
  });
});

describe('a window of slots', () => {
  const limit = 2000;
  /** The beginning of a slot of 60 ms. */
  const slotUs = Math.ceil(startUs / (60 * ms)) * 60 * ms;

  test('holds a full burst until its whole slot has left, and then lets the next one through', async () => {
    const { fillAt, peekAt } = clockedLimiter(redis);
    await fillAt(slotUs + 59 * ms, [minute(limit)], limit);
    const left = slotUs + 60_060 * ms;
    expect(await peekAt(left - 1, [minute(limit)])).toMatchObject({ admitted: false, rules: [{ used: limit }] });
    expect(await peekAt(left, [minute(limit)])).toMatchObject({ admitted: true, rules: [{ used: 0, resetMs: 0 }] });
    await fillAt(left, [minute(limit)], limit);
    expect(await peekAt(left, [minute(limit)])).toMatchObject({ admitted: false });
  });

  test('counts what each request weighs', async () => {
    const { admitAt } = clockedLimiter(redis);
    await admitAt(slotUs, [tokens(1000)], { tokens: 700 });
    await admitAt(slotUs + 6000 * ms, [tokens(1000)], { tokens: 100 });
    expect(await admitAt(slotUs + 12_000 * ms, [tokens(1000)], { tokens: 200 })).toMatchObject({
      admitted: true,
      rules: [{ used: 1000, remaining: 0, resetMs: 48_060 }],
    });
    const at = slotUs + 30_000 * ms;
    expect(await admitAt(at, [tokens(1000)], { tokens: 700 })).toMatchObject({ admitted: false, retryAfterMs: 30_060 });
    expect(await admitAt(at, [tokens(1000)], { tokens: 701 })).toMatchObject({ admitted: false, retryAfterMs: 36_060 });
    expect(await admitAt(at, [tokens(1000)], { tokens: 1000 })).toMatchObject({
      admitted: false,
      retryAfterMs: 42_060,
    });
  });

  test('keeps no more slots than a thousand and one, and none that has left', async () => {
    const { keyFor, admitAt } = clockedLimiter(redis);
    const [[key] = ['']] = tokenWindows([tokens(1e6)], keyFor);
    for (let slot = 0; slot <= 1500; slot += 1) await admitAt(slotUs + slot * 60 * ms, [tokens(1e6)]);
    expect(await redis.zcard(key)).toBe(1002); // with the sum
    const { rules } = await admitAt(slotUs + 1_000_000 * ms, [tokens(1e6)], { tokens: 5 });
    expect(rules).toMatchObject([{ used: 5 }]);
    expect(await redis.zcard(key)).toBe(2);
  });

  test('what weighs more than the limit is never admitted, and is told a whole window to wait', async () => {
    const { admitAt } = clockedLimiter(redis);
    expect(await admitAt(slotUs, [tokens(1000)], { tokens: 1001 })).toMatchObject({
      admitted: false,
      retryAfterMs: 60_000,
      rules: [{ used: 0 }],
    });
    expect(await admitAt(slotUs, [tokens(1000)], { tokens: 1000 })).toMatchObject({ admitted: true });
  });

  test('a clock that is set back keeps what was counted', async () => {
    const { fillAt, peekAt } = clockedLimiter(redis);
    await fillAt(slotUs, [minute(limit)], limit);
    const back = await peekAt(slotUs - 5000 * ms, [minute(limit)]);
    expect(back).toMatchObject({ admitted: false, retryAfterMs: 65_060, rules: [{ used: limit }] });
  });

  test('a lowered limit holds at once, and the wait is exact', async () => {
    const { fillAt, peekAt } = clockedLimiter(redis);
    await fillAt(slotUs + 123 * ms, [minute(limit)], 600);
    await fillAt(slotUs + 323 * ms, [minute(limit)], limit - 600);
    await expectExactRetry(peekAt, slotUs + 456 * ms, [minute(1500)]);
    await expectExactReset(peekAt, slotUs + 456 * ms, minute(1500));
  });
});

describe('concurrency', () => {
  test('is held by so many at once, each until its lease runs out', async () => {
    const { admitAt, peekAt } = clockedLimiter(redis);
    await admitAt(startUs, [concurrency(2)]);
    await admitAt(startUs + 5000 * ms, [concurrency(2)]);
    expect(await admitAt(startUs + 6000 * ms, [concurrency(2)])).toMatchObject({
      admitted: false,
      retryAfterMs: 1000,
      rules: [{ used: 2, remaining: 0, resetMs: 0 }],
    });
    const leaseEnds = startUs + 86_400_000 * ms;
    expect(await peekAt(leaseEnds - ms, [concurrency(2)])).toMatchObject({ admitted: false });
    expect(await admitAt(leaseEnds, [concurrency(2)])).toMatchObject({ admitted: true, rules: [{ used: 2 }] });
  });

  test('a repeated id holds its place once, and is admitted though all places are held', async () => {
    const { admitAt } = clockedLimiter(redis);
    const rules = [tokens(100), concurrency(1)];
    await admitAt(startUs, rules, { id: 'same', tokens: 60 });
    expect(await admitAt(startUs, rules, { id: 'same', tokens: 60 })).toMatchObject({
      admitted: true,
      rules: [{ used: 60 }, { used: 1 }],
    });
  });

  test('waits a second where a window has to be waited for no longer than that', async () => {
    const { admitAt, peekAt } = clockedLimiter(redis);
    await admitAt(startUs, [minute(1), concurrency(1)]);
    const nearlyFree = startUs + 59_700 * ms;
    expect(await peekAt(nearlyFree, [minute(1), concurrency(1)])).toMatchObject({ retryAfterMs: 1000 });
    expect(await peekAt(startUs, [minute(1), concurrency(1)])).toMatchObject({ retryAfterMs: 60_000 });
  });
});

test.for([
  ['a log', minute(0), 60_000],
  ['slots', tokens(0), 60_000],
  ['concurrency', concurrency(0), 86_400_000],
] as const)('a limit of 0 refuses always and names the window as the wait: %s', async ([, nothing, windowMs]) => {
  const { admitAt, peekAt } = clockedLimiter(redis);
  const refusal = { admitted: false, retryAfterMs: windowMs, rules: [{ used: 0, remaining: 0, resetMs: 0 }] };
  expect(await admitAt(startUs, [nothing])).toMatchObject(refusal);
  expect(await peekAt(startUs, [nothing])).toMatchObject(refusal);
});

test('a limit that crosses 1,000 starts an empty window and leaves the old one alone', async () => {
  const { fillAt, peekAt } = clockedLimiter(redis);
  await fillAt(startUs, [minute(loggedLimitMax)], loggedLimitMax);
  expect((await peekAt(startUs, [minute(loggedLimitMax + 1)])).rules).toMatchObject([{ used: 0 }]);
  await fillAt(startUs, [minute(loggedLimitMax + 1)], 3);
  expect((await peekAt(startUs, [minute(loggedLimitMax + 1)])).rules).toMatchObject([{ used: 3 }]);
  expect((await peekAt(startUs, [minute(loggedLimitMax)])).rules).toMatchObject([{ used: loggedLimitMax }]);
});

describe('several rules', () => {
  test('a request that one of them refuses is counted under none', async () => {
    const { admitAt, peekAt, fillAt } = clockedLimiter(redis);
    const rules = [minute(10), tokens(5000), concurrency(5), hour(2)];
    await fillAt(startUs, rules, 2);
    expect(await admitAt(startUs + 1, rules)).toMatchObject({ admitted: false });
    const { rules: states } = await peekAt(startUs + 1, rules);
    expect(states.map(({ used }) => used)).toEqual([2, 2, 2, 2]);
  });

  test('the wait is that of the one which frees last', async () => {
    const { fillAt, peekAt } = clockedLimiter(redis);
    await fillAt(startUs, [minute(2), hour(2)], 2);
    expect(await peekAt(startUs + 1000 * ms, [minute(2), hour(2)])).toMatchObject({ retryAfterMs: 3_599_000 });
    expect(await peekAt(startUs + 1000 * ms, [minute(2), hour(9)])).toMatchObject({ retryAfterMs: 59_000 });
  });

  test('without rules everything is admitted', async () => {
    const { admitAt } = clockedLimiter(redis);
    expect(await admitAt(startUs, [])).toEqual({ admitted: true, retryAfterMs: 0, rules: [] });
  });

  test('of one subject count apart: requests, tokens, windows of another length, and other subjects', async () => {
    const { admitAt, peekAt } = clockedLimiter(redis);
    await admitAt(startUs, [minute(5000)]);
    const others = [tokens(5000), minute(5), hour(5000), concurrency(5000), { ...minute(5000), subject: 'bob' }];
    const { rules } = await peekAt(startUs, others);
    expect(rules.map(({ used }) => used)).toEqual([0, 0, 0, 0, 0]);
  });
});

test('peeking counts nothing and writes nothing', async () => {
  const { keyFor, admitAt, peekAt } = clockedLimiter(redis);
  const rules = [minute(1), hour(5000), tokens(10), concurrency(1)];
  const stored = () => redis.keys(`${keyFor('', '').slice(0, -2).replace(/[{}]/g, '?')}*`);
  for (let i = 0; i < 5; i += 1) expect(await peekAt(startUs + i, rules)).toMatchObject({ admitted: true });
  expect(await stored()).toEqual([]);
  await admitAt(startUs, rules);
  const dump = async () => Promise.all((await stored()).sort().map((key) => redis.dump(key)));
  const before = await dump();
  expect(before).toHaveLength(4);
  // Also once all of it has left.
  expect(await peekAt(startUs + 100_000_000 * ms, rules)).toMatchObject({ admitted: true });
  expect(await dump()).toEqual(before);
});

test('keys outlive what they count and expire by themselves', async () => {
  const { keyFor, admitAt } = clockedLimiter(redis);
  await admitAt(startUs, [minute(1), tokens(100), concurrency(1)]);
  const livesMs = async (key = '') => (await redis.pttl(key)) / 1000;
  expect(await livesMs(keyFor('ann', 'requests-log-60000'))).toSatisfy(between(60, 61));
  expect(await livesMs(tokenWindows([tokens(100)], keyFor)[0]?.[0])).toSatisfy(between(60.06, 61.06));
  expect(await livesMs(heldKeys([concurrency(1)], keyFor)[0])).toSatisfy(between(86_400, 86_401));
});

const between = (low: number, high: number) => (value: number) => value > low && value <= high;

test('what a job has to remember names the keys that were counted in', async () => {
  const { keyFor, admitAt } = clockedLimiter(redis);
  const rules = rulesOf({
    scope: 'key',
    subject: 'key:k1',
    limits: { requests_per_minute: 5, tokens_per_minute: 100, concurrency: 3 },
  });
  await admitAt(startUs, rules, { id: 'job_1', tokens: 40 });
  const windows = tokenWindows(rules, keyFor);
  expect(windows).toEqual([[expect.any(String), 60_000]]);
  expect(await redis.zscore(windows[0]?.[0] ?? '', 'sum')).toBe('-41');
  const [heldKey = '', ...otherKeys] = heldKeys(rules, keyFor);
  expect(otherKeys).toEqual([]);
  expect(await redis.zrange(heldKey, '0', '-1')).toEqual(['job_1']);
});

describe('Retry-After is exact', () => {
  test.for([
    ['one log', [minute(3)], 3],
    ['two logs', [minute(3), hour(5)], 3],
    ['two logs, the longer one full', [minute(5), hour(3)], 3],
    ['slots', [minute(1003)], 1003],
    ['slots of two lengths', [minute(1003), hour(1500)], 1003],
    ['slots of tokens', [tokens(7)], 7],
    ['a log and slots, the slots full', [minute(1000), hour(1001), tokens(1000)], 1000],
  ] as const)('for %s', async ([, rules, times]) => {
    const { fillAt, admitAt, peekAt } = clockedLimiter(redis);
    await fillAt(startUs, rules, times - 1);
    await admitAt(startUs + 777, rules);
    await admitAt(startUs + 1234, rules);
    await expectExactRetry(peekAt, startUs + 2_345_678, rules);
    await expectExactRetry(peekAt, startUs + 2_345_000, rules);
  });
});
