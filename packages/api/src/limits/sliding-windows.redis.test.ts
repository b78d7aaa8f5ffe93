import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, inject, test } from 'vitest';
import {
  createRateLimiter,
  limitWith,
  loggedLimitMax,
  type RateDecision,
  type RateWindow,
  slidingWindowsLua,
} from './rate-limiter.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string; // by tests/global-setup.ts, which this package's type check does not see
  }
}

const redis = new Redis(inject('redisUrl'));
afterAll(() => redis.quit());

const minute = (limit: number): RateWindow => ({ name: 'minute', limit, windowMs: 60_000 });
const hour = (limit: number): RateWindow => ({ name: 'hour', limit, windowMs: 3_600_000 });

/** A window of 7 ms, so that random times often hit its edges. */
const short = (limit: number): RateWindow => ({ name: 'short', limit, windowMs: 7 });

/** Keys that no other test shares. */
function ownKeys() {
  const prefix = `{test-${randomUUID()}}`;
  return (subject: string, window: string) => `${prefix}:${window}:${subject}`;
}

// The production script with its one reading of the clock replaced by two further arguments.
const clockedLua = `${slidingWindowsLua.replace(
  "redis.call('TIME')",
  '{ args[#args - 1], args[#args] }',
)}\nreturn sliding_windows(KEYS, ARGV)`;

/** The real limiter under a clock that the test sets, in microseconds since the epoch. */
function clockedLimiter() {
  const keyFor = ownKeys();
  const clock = { us: 1_795_000_000_000_123 };
  const limiter = limitWith(
    (keys, args) =>
      redis.eval(
        clockedLua,
        keys.length,
        ...keys,
        ...args,
        Math.floor(clock.us / 1_000_000),
        Math.floor(clock.us % 1_000_000),
      ),
    keyFor,
  );
  let count = 0;
  const admitAt = (us: number, windows: readonly RateWindow[], id = `r${count++}`) => {
    clock.us = us;
    return limiter.admit('ann', windows, id);
  };
  const peekAt = (us: number, windows: readonly RateWindow[]) => {
    clock.us = us;
    return limiter.peek('ann', windows);
  };
  /** Admits `times` requests at once and gives the last decision. */
  const fillAt = async (us: number, windows: readonly RateWindow[], times: number) => {
    const decisions = await Promise.all(Array.from({ length: times }, () => admitAt(us, windows)));
    expect(decisions.every(({ admitted }) => admitted)).toBe(true);
    return decisions.at(-1)!;
  };
  return { keyFor, admitAt, peekAt, fillAt };
}

const start = 1_795_000_000_000_123;
const ms = 1000;

test('the script reads the clock in one place, which the tests replace', () => {
  expect(clockedLua).not.toContain("'TIME'");
  expect(clockedLua).toContain('args[#args - 1]');
});

describe('a logged window', () => {
  test('counts a request for exactly its length, to the microsecond', async () => {
    const { admitAt } = clockedLimiter();
    expect(await admitAt(start, [minute(1)])).toMatchObject({ admitted: true, retryAfterMs: 0 });
    expect(await admitAt(start + 60_000 * ms - 1, [minute(1)])).toMatchObject({ admitted: false, retryAfterMs: 1 });
    expect(await admitAt(start + 60_000 * ms, [minute(1)])).toMatchObject({ admitted: true });
  });

  test('tells what is used, what remains and when the oldest leaves', async () => {
    const { admitAt, peekAt } = clockedLimiter();
    expect((await peekAt(start, [minute(3)])).windows).toEqual([
      { name: 'minute', limit: 3, windowMs: 60_000, used: 0, remaining: 3, resetMs: 0 },
    ]);
    await admitAt(start, [minute(3)]);
    expect((await admitAt(start + 18_000 * ms, [minute(3)])).windows).toEqual([
      { name: 'minute', limit: 3, windowMs: 60_000, used: 2, remaining: 1, resetMs: 42_000 },
    ]);
  });

  test('a limit of 0 refuses always and names the window as the wait', async () => {
    const { admitAt, peekAt } = clockedLimiter();
    const refusal = { admitted: false, retryAfterMs: 60_000, windows: [{ used: 0, remaining: 0, resetMs: 0 }] };
    expect(await admitAt(start, [minute(0)])).toMatchObject(refusal);
    expect(await peekAt(start, [minute(0)])).toMatchObject(refusal);
  });

  test('a repeated id is admitted and counted once, even when the window is full', async () => {
    const { admitAt, peekAt } = clockedLimiter();
    await admitAt(start, [minute(1), hour(5000)], 'same');
    expect(await admitAt(start + 5, [minute(1), hour(5000)], 'same')).toMatchObject({
      admitted: true,
      retryAfterMs: 0,
      windows: [{ used: 1 }, { used: 1 }],
    });
    expect(await admitAt(start + 5, [minute(1), hour(5000)], 'other')).toMatchObject({ admitted: false });
    expect((await peekAt(start + 60_000 * ms, [minute(1)])).windows).toMatchObject([{ used: 0 }]);
  });

  test('a lowered limit holds at once, and the wait counts all that must leave', async () => {
    const { admitAt, peekAt } = clockedLimiter();
    for (const second of [0, 1, 2, 3]) await admitAt(start + second * 1000 * ms, [minute(4)]);
    const lowered = await peekAt(start + 10_000 * ms, [minute(2)]);
    // Four are counted and one of two may stay: the third oldest, made at 2 s, leaves at 62 s.
    expect(lowered).toMatchObject({ admitted: false, retryAfterMs: 52_000, windows: [{ used: 4, remaining: 0 }] });
    expect(await peekAt(start + 62_000 * ms - 1, [minute(2)])).toMatchObject({ admitted: false });
    expect(await admitAt(start + 62_000 * ms, [minute(2)])).toMatchObject({ admitted: true });
  });
});

describe('a counter window', () => {
  const limit = 2000;
  /** The beginning of a bucket: a multiple of the window. */
  const bucket = Math.ceil(start / (60_000 * ms)) * 60_000 * ms;

  test('lets the previous bucket fade in proportion', async () => {
    const { fillAt, peekAt } = clockedLimiter();
    await fillAt(bucket, [minute(limit)], limit);
    expect(await peekAt(bucket + 59_999 * ms, [minute(limit)])).toMatchObject({ admitted: false });
    // 15 s into the next bucket three quarters of the previous one count: 1,500.
    const quarter = await peekAt(bucket + 75_000 * ms, [minute(limit)]);
    expect(quarter.windows).toMatchObject([{ used: 1500, remaining: 500 }]);
    expect((await peekAt(bucket + 120_000 * ms, [minute(limit)])).windows).toMatchObject([{ used: 0, resetMs: 0 }]);
  });

  test('reaches its stated worst case: nearly twice the limit in one window', async () => {
    const { fillAt, peekAt } = clockedLimiter();
    await fillAt(bucket + 59_999 * ms, [minute(limit)], limit);
    // 59.97 s on, 2,000 × 0.03/60 = 1 of the burst is counted, though all of it is still within the window.
    const late = bucket + 119_970 * ms;
    expect((await peekAt(late, [minute(limit)])).windows).toMatchObject([{ used: 1 }]);
    await fillAt(late, [minute(limit)], limit - 1);
    expect(await peekAt(late, [minute(limit)])).toMatchObject({ admitted: false });
  });

  test('two buckets later nothing is left of a burst', async () => {
    const { fillAt, admitAt } = clockedLimiter();
    await fillAt(bucket, [minute(limit)], limit);
    expect((await admitAt(bucket + 180_000 * ms, [minute(limit)])).windows).toMatchObject([{ used: 1 }]);
  });

  test('a clock that is set back keeps what was counted', async () => {
    const { fillAt, peekAt } = clockedLimiter();
    await fillAt(bucket, [minute(limit)], limit);
    const back = await peekAt(bucket - 5000 * ms, [minute(limit)]);
    expect(back).toMatchObject({ admitted: false, windows: [{ used: limit }] });
  });

  test('a lowered limit holds at once, and the wait is exact', async () => {
    const { fillAt, peekAt } = clockedLimiter();
    await fillAt(bucket + 123 * ms, [minute(limit)], limit);
    await expectExactRetry(peekAt, bucket + 456 * ms, [minute(1500)]);
  });
});

test('a limit that crosses 1,000 starts an empty window and leaves the old one alone', async () => {
  const { fillAt, peekAt } = clockedLimiter();
  await fillAt(start, [minute(loggedLimitMax)], loggedLimitMax);
  expect((await peekAt(start, [minute(loggedLimitMax + 1)])).windows).toMatchObject([{ used: 0 }]);
  await fillAt(start, [minute(loggedLimitMax + 1)], 3);
  expect((await peekAt(start, [minute(loggedLimitMax + 1)])).windows).toMatchObject([{ used: 3 }]);
  expect((await peekAt(start, [minute(loggedLimitMax)])).windows).toMatchObject([{ used: loggedLimitMax }]);
});

describe('several windows', () => {
  test('a request that one window refuses is counted in none', async () => {
    const { admitAt, peekAt, fillAt } = clockedLimiter();
    const windows = [minute(10), hour(2), { name: 'day', limit: 5000, windowMs: 86_400_000 }];
    await fillAt(start, windows, 2);
    expect(await admitAt(start + 1, windows)).toMatchObject({ admitted: false });
    const { windows: states } = await peekAt(start + 1, windows);
    expect(states.map(({ used }) => used)).toEqual([2, 2, 2]);
  });

  test('the wait is that of the window which frees last', async () => {
    const { fillAt, peekAt } = clockedLimiter();
    await fillAt(start, [minute(2), hour(2)], 2);
    expect(await peekAt(start + 1000 * ms, [minute(2), hour(2)])).toMatchObject({ retryAfterMs: 3_599_000 });
    expect(await peekAt(start + 1000 * ms, [minute(2), hour(9)])).toMatchObject({ retryAfterMs: 59_000 });
  });

  test('without windows everything is admitted', async () => {
    const { admitAt } = clockedLimiter();
    expect(await admitAt(start, [])).toEqual({ admitted: true, retryAfterMs: 0, windows: [] });
  });
});

test('peeking counts nothing and writes nothing', async () => {
  const { keyFor, peekAt } = clockedLimiter();
  const windows = [minute(1), hour(5000)];
  for (let i = 0; i < 5; i++) expect(await peekAt(start + i, windows)).toMatchObject({ admitted: true });
  expect(await redis.exists(keyFor('ann', 'minute:log'), keyFor('ann', 'hour:counter-3600000'))).toBe(0);
});

test('keys outlive what they count and expire by themselves', async () => {
  const { keyFor, admitAt } = clockedLimiter();
  await admitAt(start, [minute(1), hour(5000)]);
  const logMs = await redis.pttl(keyFor('ann', 'minute:log'));
  expect(logMs).toBeGreaterThan(60_000);
  expect(logMs).toBeLessThanOrEqual(61_000);
  const counterMs = await redis.pttl(keyFor('ann', 'hour:counter-3600000'));
  expect(counterMs).toBeGreaterThan(7_200_000);
  expect(counterMs).toBeLessThanOrEqual(7_201_000);
});

describe('Retry-After is exact', () => {
  test.for([
    ['one log', [minute(3)], 3],
    ['two logs', [minute(3), hour(5)], 3],
    ['two logs, the longer one full', [minute(5), hour(3)], 3],
    ['one counter', [minute(1003)], 1003],
    ['two counters', [minute(1003), hour(1500)], 1003],
    ['a log and a counter, the counter full', [minute(1000), hour(1001)], 1000],
  ] as const)('for %s', async ([, windows, times]) => {
    const { fillAt, admitAt, peekAt } = clockedLimiter();
    await fillAt(start, windows, times - 1);
    await admitAt(start + 777, windows);
    await admitAt(start + 1234, windows);
    await expectExactRetry(peekAt, start + 2_345_678, windows);
    await expectExactRetry(peekAt, start + 2_345_000, windows);
  });
});

type PeekAt = (us: number, windows: readonly RateWindow[]) => Promise<RateDecision>;

/** The request is refused at `us`, and the wait names the first whole millisecond after it that admits it. */
async function expectExactRetry(peekAt: PeekAt, us: number, windows: readonly RateWindow[]) {
  const { admitted, retryAfterMs } = await peekAt(us, windows);
  expect(admitted).toBe(false);
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(await peekAt(us + (retryAfterMs - 1) * ms, windows)).toMatchObject({ admitted: false });
  expect(await peekAt(us + retryAfterMs * ms, windows)).toMatchObject({ admitted: true });
}

describe('over random schedules', () => {
  const gapsUs = fc.array(fc.oneof(fc.constantFrom(0, 1, 999, 1000, 3500, 6999, 7000, 7001), fc.nat(9000)), {
    minLength: 1,
    maxLength: 40,
  });

  test('logged windows decide as the plain model does', async () => {
    const model = fc.record({ gaps: gapsUs, limits: fc.tuple(fc.nat(5), fc.nat(8)) });
    await fc.assert(
      fc.asyncProperty(model, async ({ gaps, limits }) => {
        const { admitAt, peekAt } = clockedLimiter();
        const windows = [short(limits[0]), { name: 'long', limit: limits[1], windowMs: 20 }];
        const log: number[] = [];
        let now = start;
        for (const gap of gaps) {
          now += gap;
          const used = windows.map((w) => log.filter((at) => now - at < w.windowMs * ms).length);
          const expected = windows.every((w, i) => used[i]! < w.limit);
          if (!expected && limits[0] > 0 && limits[1] > 0) await expectExactRetry(peekAt, now, windows);
          const decision = await admitAt(now, windows);
          if (expected) log.push(now);
          expect(decision.admitted).toBe(expected);
          expect(decision.windows.map((w) => w.used)).toEqual(used.map((count) => count + Number(expected)));
          expect(decision.windows.map((w) => w.resetMs)).toEqual(
            windows.map((w) => {
              const oldest = log.find((at) => now - at < w.windowMs * ms);
              return oldest === undefined ? 0 : Math.ceil((oldest + w.windowMs * ms - now) / ms);
            }),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  test('counter windows decide as their formula does and keep their stated error', async () => {
    const limit = loggedLimitMax + 1;
    const window = { name: 'wide', limit, windowMs: 1000 };
    const windowUs = window.windowMs * ms;
    const bursts = fc.array(
      fc.record({
        gap: fc.oneof(fc.constantFrom(0, 1, 999_999, 1_000_000), fc.nat(700_000)),
        size: fc.integer({ min: 1, max: 700 }),
      }),
      { minLength: 2, maxLength: 7 },
    );
    await fc.assert(
      fc.asyncProperty(bursts, async (schedule) => {
        const { admitAt, peekAt } = clockedLimiter();
        const admittedAt: number[] = [];
        let now = start;
        for (const { gap, size } of schedule) {
          now += gap;
          const nowMs = Math.floor(now / ms);
          const bucketOf = (us: number) => Math.floor(us / windowUs);
          const inBucket = (bucket: number) => admittedAt.filter((at) => bucketOf(at) === bucket).length;
          const current = inBucket(bucketOf(now));
          const previous = inBucket(bucketOf(now) - 1);
          const elapsedMs = nowMs % window.windowMs;
          const faded = Math.ceil((previous * (window.windowMs - elapsedMs)) / window.windowMs);
          const room = Math.max(0, limit - current - faded);

          const decisions = await Promise.all(Array.from({ length: size }, () => admitAt(now, [window])));
          const admitted = decisions.filter((decision) => decision.admitted).length;
          expect(admitted).toBe(Math.min(size, room));
          for (let i = 0; i < admitted; i++) admittedAt.push(now);

          const trulyUsed = admittedAt.filter((at) => now - at < windowUs).length;
          const used = (await peekAt(now, [window])).windows[0]!.used;
          // +1: `used` is rounded up, and time to the millisecond.
          expect(trulyUsed - used).toBeLessThanOrEqual((previous * elapsedMs) / window.windowMs + 1);
          expect(used - trulyUsed).toBeLessThanOrEqual(previous * (1 - elapsedMs / window.windowMs) + 1);
          expect(trulyUsed).toBeLessThan(2 * limit);
          if (size >= room) await expectExactRetry(peekAt, now, [window]);
          await expectExactReset(peekAt, now, window);
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});

/** `used` must fall at the millisecond that `resetMs` names, and not before. */
async function expectExactReset(peekAt: PeekAt, us: number, window: RateWindow) {
  const usedAt = async (at: number) => (await peekAt(at, [window])).windows[0]!;
  const { used, resetMs } = await usedAt(us);
  if (used === 0) return expect(resetMs).toBe(0);
  expect((await usedAt(us + (resetMs - 1) * ms)).used).toBe(used);
  expect((await usedAt(us + resetMs * ms)).used).toBeLessThan(used);
}

describe('by the real clock', () => {
  test.for([10, 100, 1000])('1,000 requests at once over five connections: exactly %i are admitted', async (limit) => {
    const keyFor = ownKeys();
    const connections = Array.from({ length: 5 }, () => new Redis(inject('redisUrl')));
    const limiters = connections.map((connection) => createRateLimiter({ redis: connection, keyFor }));
    const decisions = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => limiters[i % 5]!.admit('ann', [hour(limit)], `r${i}`)),
    );
    expect(decisions.filter(({ admitted }) => admitted)).toHaveLength(limit);
    const { windows } = await limiters[0]!.peek('ann', [hour(limit)]);
    expect(windows).toMatchObject([{ used: limit, remaining: 0 }]);
    await Promise.all(connections.map((connection) => connection.quit()));
  });

  test('users do not share a window, and a wait that was told suffices', async () => {
    const limiter = createRateLimiter({ redis, keyFor: ownKeys() });
    const window = { name: 'blink', limit: 1, windowMs: 1000 };
    await limiter.admit('ann', [window], 'a1');
    expect(await limiter.admit('bob', [window], 'b1')).toMatchObject({ admitted: true });
    const { admitted, retryAfterMs } = await limiter.admit('ann', [window], 'a2');
    expect(admitted).toBe(false);
    expect(retryAfterMs).toBeLessThanOrEqual(1000);
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs + 1));
    expect(await limiter.admit('ann', [window], 'a2')).toMatchObject({ admitted: true });
  });
});
