import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { limitsLua } from './limits-lua.ts';
import { type PlainReply, type PlainRow, plainLimits } from './plain-limits.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string; // by tests/global-setup.ts, which this package's type check does not see
  }
}

const redis = new Redis(inject('redisUrl'));
afterAll(() => redis.quit());

// The production functions with their one reading of the clock replaced by the last two arguments.
const clockedLua = limitsLua.replace("redis.call('TIME')", '{ ARGV[#ARGV - 1], ARGV[#ARGV] }');

/** The script's functions over keys of its own, under a clock in microseconds since the epoch. */
function clockedLimits() {
  const prefix = `{test-${randomUUID()}}`;
  const ownKey = (key: string) => `${prefix}:${key}`;
  const run = (lua: string, nowUs: number, keys: string[], args: (string | number)[]) => {
    const clock = [Math.floor(nowUs / 1_000_000), nowUs % 1_000_000];
    return redis.eval(`${clockedLua}\n${lua}`, keys.length, ...keys.map(ownKey), ...args, ...clock);
  };

  async function decide(
    mode: 'admit' | 'peek',
    nowUs: number,
    id: string,
    rows: readonly PlainRow[],
    lost: ReadonlySet<string>,
  ): Promise<PlainReply & { atMs: number }> {
    const args = rows.flatMap(({ kind, limit, windowMs, weight }) => [kind, limit, windowMs, weight]);
    const lua = `local lost = cjson.decode(table.remove(ARGV, 1))
      local reply, at = limits(KEYS, ARGV, function(id) return not lost[id] end)
      return { at, unpack(reply) }`;
    const lostIds = JSON.stringify(Object.fromEntries([...lost].map((each) => [each, true])));
    const keys = rows.map(({ key }) => key);
    const reply = await run(lua, nowUs, keys, [lostIds, mode, id, ...args]);
    const [atMs = 0, admitted, retryAfterMs = 0, ...states] = reply as number[];
    return {
      atMs,
      admitted: admitted === 1,
      retryAfterMs,
      used: states.filter((_, index) => index % 2 === 0),
      resetMs: states.filter((_, index) => index % 2 === 1),
    };
  }

  return {
    ownKey,
    admit: (nowUs: number, id: string, rows: readonly PlainRow[], lost: ReadonlySet<string> = new Set()) =>
      decide('admit', nowUs, id, rows, lost),
    peek: (nowUs: number, rows: readonly PlainRow[], lost: ReadonlySet<string> = new Set()) =>
      decide('peek', nowUs, '', rows, lost),
    correct: (nowUs: number, key: string, windowMs: number, atMs: number, delta: number) =>
      run('limits_correct(KEYS[1], ARGV[1], ARGV[2], ARGV[3])', nowUs, [key], [windowMs, atMs, delta]),
    release: (key: string, id: string) => run('limits_release(KEYS[1], ARGV[1])', 0, [key], [id]),
  };
}

const startUs = 1_795_000_000_000_123;
const startMs = Math.floor(startUs / 1000);
const ms = 1000;

const tokens = (weight: number, limit = 1000): PlainRow => ({
  key: 'tokens',
  kind: 'slots',
  limit,
  windowMs: 60_000,
  weight,
});
const places = (limit: number): PlainRow => ({ key: 'held', kind: 'held', limit, windowMs: 86_400_000, weight: 1 });

test('the functions read the clock in one place, which the tests replace', () => {
  expect(clockedLua).not.toContain("'TIME'");
  expect(clockedLua).toContain('ARGV[#ARGV - 1]');
});

test('the functions take three names of the script they stand before, and no more', () => {
  const topLevel = limitsLua.split('\n').filter((line) => /^(local|function)\b/.test(line));
  expect(topLevel).toEqual(['local limits, limits_correct, limits_release']);
});

describe('a correction', () => {
  test('changes what was reserved to what was used, at the time that the reservation returned', async () => {
    const { admit, peek, correct } = clockedLimits();
    const { atMs } = await admit(startUs, 'a', [tokens(600)]);
    expect(atMs).toBe(startMs);
    await admit(startUs + 10_000 * ms, 'b', [tokens(300)]);
    await correct(startUs + 20_000 * ms, 'tokens', 60_000, atMs, -500);
    expect(await peek(startUs + 20_000 * ms, [tokens(600)])).toMatchObject({ admitted: true, used: [400] });
    await correct(startUs + 21_000 * ms, 'tokens', 60_000, atMs, 550);
    expect(await peek(startUs + 21_000 * ms, [tokens(51)])).toMatchObject({ admitted: false, used: [950] });
    // It leaves with its own slot.
    expect(await peek(startUs + 61_000 * ms, [tokens(1)])).toMatchObject({ used: [300] });
  });

  test('of what has left the window changes nothing, and leaves nothing', async () => {
    const { admit, correct, ownKey } = clockedLimits();
    await admit(startUs, 'a', [tokens(600)]);
    for (const delta of [-500, 500]) {
      await correct(startUs + 61_000 * ms, 'tokens', 60_000, startMs, delta);
      expect(await redis.zrange(ownKey('tokens'), '0', '-1', 'WITHSCORES')).toEqual(['sum', '-1']);
    }
  });

  test('takes no more than there is, also where all was lost', async () => {
    const { admit, peek, correct, ownKey } = clockedLimits();
    await admit(startUs, 'a', [tokens(100)]);
    await admit(startUs + 5000 * ms, 'b', [tokens(200)]);
    await correct(startUs + 6000 * ms, 'tokens', 60_000, startMs, -150);
    expect(await peek(startUs + 6000 * ms, [tokens(1)])).toMatchObject({ used: [200], resetMs: [59_060] });
    await redis.del(ownKey('tokens'));
    await correct(startUs + 7000 * ms, 'tokens', 60_000, startMs, -150);
    expect(await redis.exists(ownKey('tokens'))).toBe(0);
    // More was used than was reserved: that much is known, and counts as long as it would have.
    await correct(startUs + 7000 * ms, 'tokens', 60_000, startMs, 40);
    expect(await peek(startUs + 7000 * ms, [tokens(1)])).toMatchObject({ used: [40] });
    expect(await redis.pttl(ownKey('tokens'))).toBeGreaterThan(60_000);
  });
});

describe('a held place', () => {
  test('is free at once when it is released, and releasing it twice frees no other', async () => {
    const { admit, release } = clockedLimits();
    await admit(startUs, 'a', [places(2)]);
    await admit(startUs, 'b', [places(2)]);
    await release('held', 'a');
    await release('held', 'a');
    expect(await admit(startUs, 'c', [places(2)])).toMatchObject({ admitted: true, used: [2] });
    expect(await admit(startUs, 'd', [places(2)])).toMatchObject({ admitted: false, used: [2] });
  });

  test('of a holder that was lost is given to the next who needs it, and is no place while others are free', async () => {
    const { admit, peek } = clockedLimits();
    const lost = new Set(['r0', 'r3']);
    for (let i = 0; i < 4; i += 1) await admit(startUs + i * ms, `r${i}`, [places(5)]);
    expect(await admit(startUs + 5 * ms, 'r4', [places(5)], lost)).toMatchObject({ used: [5] });
    expect(await peek(startUs + 6 * ms, [places(5)], lost)).toMatchObject({ admitted: true, used: [3] });
    expect(await admit(startUs + 6 * ms, 'r5', [places(5)], lost)).toMatchObject({ admitted: true, used: [4] });
  });

  test('is kept by a repeat of its holder, whatever is said of that', async () => {
    const { admit } = clockedLimits();
    await admit(startUs, 'a', [places(1)]);
    expect(await admit(startUs, 'a', [places(1)], new Set(['a']))).toMatchObject({ admitted: true, used: [1] });
  });

  test('is looked after twenty at a time, so that a full house of many costs little', async () => {
    const { admit } = clockedLimits();
    const ids = Array.from({ length: 30 }, (_, i) => `r${i}`);
    for (const [i, id] of ids.entries()) await admit(startUs + i * ms, id, [places(30)]);
    const refusal = await admit(startUs + 40 * ms, 'next', [places(30)], new Set(ids.slice(20)));
    expect(refusal).toMatchObject({ admitted: false, retryAfterMs: 1000, used: [30] });
    const relief = await admit(startUs + 40 * ms, 'next', [places(30)], new Set(ids.slice(19)));
    expect(relief).toMatchObject({ admitted: true, used: [30] });
  });
});

describe('over random schedules', () => {
  // Windows of a few milliseconds, so that random times often hit their edges; 2,500 ms has slots of 3 ms.
  const kinds = [
    { key: 'log', kind: 'log', windowMs: 7 },
    { key: 'log-long', kind: 'log', windowMs: 20 },
    { key: 'slots', kind: 'slots', windowMs: 7 },
    { key: 'slots-long', kind: 'slots', windowMs: 2500 },
    { key: 'held', kind: 'held', windowMs: 9 },
  ] as const;
  const edgeGaps = fc.constantFrom(0, 1, 999, 1000, 3500, 6999, 7000, 7001, 8000, 9000, 2_503_000);
  const gap = fc.oneof({ weight: 4, arbitrary: edgeGaps }, { weight: 5, arbitrary: fc.nat(4000) });
  const admitStep = fc.record({
    step: fc.constant('admit' as const),
    mask: fc.integer({ min: 1, max: 31 }),
    weight: fc.integer({ min: 1, max: 6 }),
    repeats: fc.nat(12),
  });
  const otherStep = fc.oneof(
    fc.record({ step: fc.constant('correct' as const), which: fc.nat(5), delta: fc.integer({ min: -6, max: 6 }) }),
    fc.record({ step: fc.constant('release' as const), which: fc.nat(5) }),
    fc.record({ step: fc.constant('lose' as const), which: fc.nat(5) }),
    fc.record({ step: fc.constant('limit' as const), which: fc.nat(4), limit: fc.nat(9) }),
  );
  const clockStep = fc.record({ step: fc.constant('clock' as const), us: fc.integer({ min: -9000, max: 9000 }) });
  const stepsOf = (...more: (typeof otherStep | typeof clockStep)[]) => {
    const rare = fc.oneof(otherStep, ...more);
    const step = fc.oneof({ weight: 3, arbitrary: admitStep }, { weight: 1, arbitrary: rare });
    return fc.array(fc.record({ gap, step }), { minLength: 10, maxLength: 60, size: 'max' });
  };
  type Steps = typeof stepsOf extends (...more: never[]) => fc.Arbitrary<infer Value> ? Value : never;

  interface Recorded {
    id: string;
    atUs: number;
    atMs: number;
    rows: PlainRow[];
    /** What it weighs in slots after corrections. */
    weight: number;
  }

  /** Runs a schedule on the script and on the plain model; `check` sees every decision that was admitted. */
  async function compare(steps: Steps, check: (recorded: readonly Recorded[], nowUs: number) => void) {
    const script = clockedLimits();
    const model = plainLimits();
    const limits = [3, 5, 8, 12, 3];
    const recorded: Recorded[] = [];
    const lost = new Set<string>();
    const recent = (which: number) => recorded.at(-1 - which);
    let nowUs = startUs;
    for (const [index, { gap: gapUs, step }] of steps.entries()) {
      nowUs += gapUs;
      if (step.step === 'clock') nowUs += step.us;
      if (step.step === 'limit') limits[step.which] = step.limit;
      if (step.step === 'lose') lost.add(recent(step.which)?.id ?? '');
      if (step.step === 'release') {
        const id = recent(step.which)?.id ?? 'nobody';
        await script.release('held', id);
        model.release('held', id);
      }
      if (step.step === 'correct') {
        const about = recent(step.which);
        const delta = Math.max(step.delta, -(about?.weight ?? 0));
        for (const { key, kind, windowMs } of about?.rows ?? []) {
          if (kind !== 'slots') continue;
          await script.correct(nowUs, key, windowMs, about?.atMs ?? 0, delta);
          model.correct(nowUs, key, windowMs, about?.atMs ?? 0, delta);
        }
        if (about) about.weight += delta;
      }
      if (step.step !== 'admit') continue;

      const id = step.repeats === 0 ? (recent(0)?.id ?? `r${index}`) : `r${index}`;
      const rows = kinds.flatMap(({ key, kind, windowMs }, bit): PlainRow[] => {
        if ((step.mask & (1 << bit)) === 0) return [];
        return [{ key, kind, windowMs, limit: limits[bit] ?? 0, weight: kind === 'slots' ? step.weight : 1 }];
      });
      const wasHere = recorded.some((each) => each.id === id);
      const peeked = wasHere ? undefined : await script.peek(nowUs, rows, lost);
      const expected = model.admit(nowUs, id, rows, lost);
      const { atMs, ...decided } = await script.admit(nowUs, id, rows, lost);
      expect(decided).toEqual(expected);
      if (peeked) expect(peeked).toMatchObject({ admitted: decided.admitted, retryAfterMs: decided.retryAfterMs });
      if (!decided.admitted) await expectExactRetry(script, nowUs, rows, decided.retryAfterMs, lost);
      if (decided.admitted && !wasHere) {
        recorded.push({ id, atUs: nowUs, atMs, rows, weight: step.weight });
        check(recorded, nowUs);
      }
    }
  }

  /** Of windows alone: when a place will be free nobody knows, and never for what weighs too much. */
  async function expectExactRetry(
    { peek }: ReturnType<typeof clockedLimits>,
    nowUs: number,
    rows: readonly PlainRow[],
    retryAfterMs: number,
    lost: ReadonlySet<string>,
  ) {
    if (rows.some(({ kind, limit, weight }) => kind === 'held' || limit < 1 || weight > limit)) return;
    expect(await peek(nowUs + (retryAfterMs - 1) * ms, rows, lost)).toMatchObject({ admitted: false });
    expect(await peek(nowUs + retryAfterMs * ms, rows, lost)).toMatchObject({ admitted: true });
  }

  test('what was admitted never weighs more than the limit within any window', async () => {
    const within = (recorded: readonly Recorded[], nowUs: number) => {
      for (const row of recorded.at(-1)?.rows ?? []) {
        if (row.kind === 'held') continue;
        const inWindow = recorded.filter(
          ({ atUs, rows }) => nowUs - atUs < row.windowMs * ms && rows.some(({ key }) => key === row.key),
        );
        const sum = inWindow.reduce((total, { weight }) => total + (row.kind === 'slots' ? weight : 1), 0);
        expect(sum).toBeLessThanOrEqual(row.limit);
      }
    };
    await fc.assert(
      fc.asyncProperty(stepsOf(), (steps) => compare(steps, within)),
      { numRuns: 200 },
    );
  }, 120_000);

  test('a clock that steps forth and back decides as the plain model does', async () => {
    await fc.assert(
      fc.asyncProperty(stepsOf(clockStep, clockStep), (steps) => compare(steps, () => undefined)),
      { numRuns: 200 },
    );
  }, 120_000);
});
