import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pricedAnswer, type TestFields, testBudget, testHold } from '../test-job.ts';
import { openSettlementBench, testCall } from '../test-settlement.ts';
import { budgetEntry } from '../webhooks/plan-budget-deliveries.ts';

const bench = openSettlementBench();
const { accept, acceptHeld, bareSettlement, begin, follow, keys, read, redis, rows, settlement, spend } = bench;

const busy = { code: 'provider_busy', detail: 'sandbox answered 503.' } as const;
const next = { attempt: 2, afterMs: 0, reason: 'provider_busy' };
const costing = (nano: number | string, changes: Partial<PricedAnswer> = {}) =>
  pricedAnswer({ costNanoUsd: String(nano), ...changes });

type Begun = Awaited<ReturnType<typeof begin>>;

/** What a run's call came to, with an answer of that cost. */
const callOf = (
  { run, record }: Begun,
  nano: number | string,
  status: 'completed' | 'failed' | 'aborted' = 'completed',
) => testCall(run, record, { status, used: costing(nano) });

/** A job of so many nano-dollars is accepted, begun and settled. */
async function spends(nano: number | string, fields: TestFields = {}, hold = testHold()) {
  const id = await acceptHeld(hold, fields);
  const { run, record } = await begin(id);
  await settlement().settle(run, record, costing(nano));
  return id;
}

const told = async () => (await rows()).map(({ call, status, costNanoUsd }) => [call, status, costNanoUsd]);

/** What the outbox tells of budgets. */
const budgetEvents = async () =>
  (await redis().xrange(keys().webhookOutbox, '-', '+'))
    .map(([, fields]) => pairsToHash(fields))
    .filter(({ type = '' }) => type.startsWith('budget.'));

describe('a call that is booked again', () => {
  test('because its reply was lost with the connection, counts once', async () => {
    const id = await acceptHeld(testHold());
    const begun = await begin(id);
    const call = callOf(begun, 500);
    await bareSettlement().settle(begun.run, begun.record, costing(500), call);
    await bareSettlement().settle(begun.run, begun.record, costing(500), call);
    await bareSettlement().book({ id }, call);
    await bareSettlement().book({ id }, call);
    expect(await told()).toEqual([[1, 'completed', '500']]);
    expect(await spend('tenant:acme')).toEqual({ spent: 500, reserved: 0, unsettled: 0 });
  });

  test('after its run was released, counts once, and its job keeps what it holds for the next one', async () => {
    const id = await acceptHeld(testHold());
    const begun = await begin(id);
    const call = callOf(begun, 500, 'failed');
    expect(await bareSettlement().release(begun.run, next, call)).toBe('released');
    expect(await bareSettlement().release(begun.run, next, call)).toBe('superseded');
    await bareSettlement().book({ id }, call);
    expect(await told()).toEqual([[1, 'failed', '500']]);
    expect(await spend('tenant:acme')).toEqual({ spent: 500, reserved: 20_000, unsettled: 0 });
  });

  test('as one that had been left, counts once', async () => {
    const id = await acceptHeld(testHold());
    const lost = await begin(id);
    const second = await begin(id);
    await settlement().settle(second.run, second.record, costing(700));
    await bareSettlement().book({ id }, callOf(lost, 500, 'aborted'));
    await bareSettlement().book({ id }, callOf(lost, 500, 'aborted'));
    expect(await told()).toEqual([
      [1, 'unsettled', null],
      [2, 'completed', '700'],
      [1, 'aborted', '500'],
    ]);
    expect(await spend('tenant:acme')).toEqual({ spent: 1200, reserved: 0, unsettled: 0 });
  });

  test('whose job is no longer kept has its row all the same', async () => {
    const id = await accept();
    const begun = await begin(id);
    await redis().del(keys().job(id));
    await bareSettlement().book({ id }, callOf(begun, 500, 'aborted'));
    expect(await told()).toEqual([[1, 'aborted', '500']]);
    expect(await redis().exists(keys().job(id))).toBe(0);
  });
});

describe('what a job holds', () => {
  test('stands in all its budgets until its end, and then what it has cost', async () => {
    const subjects = ['tenant:acme', 'user:acme:ann', 'key:key_1'];
    const hold = testHold({ budgets: subjects.map((subject) => testBudget({ subject })) });
    const id = await acceptHeld(hold, { key: 'key_1' });
    for (const subject of subjects) expect(await spend(subject)).toEqual({ spent: 0, reserved: 20_000, unsettled: 0 });
    const { run, record } = await begin(id);
    await settlement().settle(run, record, costing(13_000));
    for (const subject of subjects) expect(await spend(subject)).toEqual({ spent: 13_000, reserved: 0, unsettled: 0 });
    expect(await redis().hexists(keys().job(id), 'holding')).toBe(0);
  });

  test('is given back by whatever ends it', async () => {
    const failing = await begin(await acceptHeld(testHold()));
    await settlement().fail(failing.run, failing.record, busy);
    const stopped = await begin(await acceptHeld(testHold()));
    await bench.stop(stopped.run.id);
    await settlement().stop(stopped.run, stopped.record, 'cancel', costing(0));
    await bench.stop(await acceptHeld(testHold()));
    const waiting = await begin(await acceptHeld(testHold()));
    await bareSettlement().release(waiting.run, next, callOf(waiting, 0, 'failed'));
    await bench.stop(waiting.run.id, 'deadline');
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 0, unsettled: 0 });
  });

  test('may be nothing: a call that costs nothing ends like any other', async () => {
    const hold = testHold({ nano: '0', budgets: [testBudget({ limit: '0' })] });
    const id = await acceptHeld(hold);
    await begin(id);
    const { run, record } = await begin(id);
    expect((await settlement().settle(run, record, costing(0))).kind).toBe('settled');
    expect(await read(id)).toMatchObject({ state: 'completed' });
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 0, unsettled: 0 });
  });

  test('is its place in limits of concurrency too, and the tokens that windows count', async () => {
    const [place, window] = [keys().limit('acme', 'held'), keys().limit('acme', 'tokens')];
    const windowMs = 3_600_000;
    const admit = defineScript(redis(), `${lifecycleLua(keys())} return select(2, limits(KEYS, ARGV))`);
    const slots = ['slots', 1000, windowMs, 100];
    const at = Number(await admit([place, window], ['admit', 'job', 'held', 5, windowMs, 1, ...slots]));
    const hold = testHold({ tokens: 100, windows: [[window, windowMs]], places: [place], at });
    const id = await acceptHeld(hold);
    await redis().zadd(place, at + windowMs, id);

    const first = await begin(id);
    await bareSettlement().release(first.run, next, callOf(first, 1, 'failed'));
    const { run, record } = await begin(id, 2);
    await settlement().settle(run, record, costing(1));
    expect(await redis().zrange(place, '0', '-1')).toEqual(['job']);
    // Ten of each call.
    expect(await tokensIn(window)).toBe(20);
  });

  test('with tokens of a call that came to its end after the job, is corrected then', async () => {
    const window = keys().limit('acme', 'tokens');
    const windowMs = 3_600_000;
    const admit = defineScript(redis(), `${lifecycleLua(keys())} return select(2, limits(KEYS, ARGV))`);
    const at = Number(await admit([window], ['admit', 'job', 'slots', 1000, windowMs, 100]));
    const id = await acceptHeld(testHold({ tokens: 100, windows: [[window, windowMs]], at }));
    const lost = await begin(id);
    const { run, record } = await begin(id);
    await settlement().settle(run, record, costing(1));
    expect(await tokensIn(window)).toBe(10);
    await bareSettlement().book({ id }, callOf(lost, 1, 'aborted'));
    expect(await tokensIn(window)).toBe(20);
  });
});

/** What a window of tokens counts now. */
async function tokensIn(window: string): Promise<number> {
  const peek = defineScript(redis(), `${lifecycleLua(keys())} return (limits(KEYS, ARGV))`);
  const reply = (await peek([window], ['peek', '', 'slots', 1_000_000, 3_600_000, 1])) as number[];
  return reply[2] ?? Number.NaN;
}

describe('a run that is lost', () => {
  test('leaves its call unsettled with all that was held for it, until its true outcome comes', async () => {
    const id = await acceptHeld(testHold());
    const lost = await begin(id);
    const { run, record } = await begin(id);
    expect(await told()).toEqual([[1, 'unsettled', null]]);
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 20_000, unsettled: 20_000 });
    await settlement().settle(run, record, costing(700));
    expect(await spend('tenant:acme')).toEqual({ spent: 700, reserved: 0, unsettled: 20_000 });
    await bareSettlement().book({ id }, callOf(lost, 500, 'aborted'));
    expect(await spend('tenant:acme')).toEqual({ spent: 1200, reserved: 0, unsettled: 0 });
  });

  test('and has no more to say than that nobody knows what its call cost, leaves it unsettled', async () => {
    const id = await acceptHeld(testHold());
    const lost = await begin(id);
    const { run, record } = await begin(id);
    await settlement().settle(run, record, costing(700));
    await bareSettlement().book({ id }, testCall(lost.run, lost.record, { status: 'aborted', used: 'unknown' }));
    expect(await told()).toEqual([
      [1, 'unsettled', null],
      [2, 'completed', '700'],
    ]);
    expect(await spend('tenant:acme')).toEqual({ spent: 700, reserved: 0, unsettled: 20_000 });
  });

  test('is not followed by another call that no budget has room for', async () => {
    const roomy = testBudget({ subject: 'user:acme:ann' });
    const id = await acceptHeld(testHold({ budgets: [roomy, testBudget({ limit: '39999' })] }));
    await begin(id);
    expect(await settlement().begin(id, 1, 'later')).toEqual({ kind: 'ended', heir: undefined });
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'budget_exceeded' } });
    expect(await told()).toEqual([[1, 'unsettled', null]]);
    for (const subject of ['tenant:acme', 'user:acme:ann']) {
      expect(await spend(subject)).toEqual({ spent: 0, reserved: 0, unsettled: 20_000 });
    }
  });

  test('and then brings the answer: the call that took its place is what is not known now', async () => {
    const id = await acceptHeld(testHold());
    const lost = await begin(id);
    await begin(id);
    await settlement().settle(lost.run, lost.record, costing(500));
    expect(await read(id)).toMatchObject({ state: 'completed' });
    expect(await told()).toEqual([
      [1, 'unsettled', null],
      [1, 'completed', '500'],
      [2, 'unsettled', null],
    ]);
    expect(await spend('tenant:acme')).toEqual({ spent: 500, reserved: 0, unsettled: 20_000 });
  });

  test('hands its call over unsettled by a word too, when it is given up before the provider has begun to answer', async () => {
    const id = await acceptHeld(testHold());
    const given = await begin(id);
    expect(await bareSettlement().release(given.run, { ...next, reason: 'worker_stopping' }, undefined)).toBe(
      'released',
    );
    expect(await told()).toEqual([[1, 'unsettled', null]]);
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 0, unsettled: 20_000 });

    // The next call needs another hold, and takes it once.
    expect((await begin(id, 1, 'second')).losses).toBe(0);
    const { run, record } = await begin(id, 1, 'second');
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 20_000, unsettled: 20_000 });
    await settlement().settle(run, record, costing(700));
    expect(await spend('tenant:acme')).toEqual({ spent: 700, reserved: 0, unsettled: 20_000 });
  });

  test('is not followed by another call that no budget has room for, whoever has left it', async () => {
    const id = await acceptHeld(testHold({ budgets: [testBudget({ limit: '39999' })] }));
    const given = await begin(id);
    await bareSettlement().release(given.run, next, undefined);
    expect((await settlement().begin(id, 1, 'later')).kind).toBe('ended');
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'budget_exceeded' } });
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 0, unsettled: 20_000 });
  });

  test('with a call that went on for others, leaves them to the oldest of them when no budget has room for another', async () => {
    const leader = await acceptHeld(testHold({ budgets: [testBudget({ limit: '39999' })] }), { flight: 'd' });
    const heir = await follow(leader, { user: 'bob' });
    const given = await begin(leader);
    await bench.stop(leader);
    await bareSettlement().release(given.run, next, undefined);
    expect(await settlement().begin(leader, 2, 'later')).toEqual({ kind: 'ended', heir });
    expect(await read(leader)).toMatchObject({ state: 'cancelled' });
    expect(await read(heir)).toMatchObject({ state: 'queued' });
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 0, unsettled: 20_000 });
  });
});

describe('an attempt that was paid for and has failed', () => {
  test('is followed by another while its budget has room for that', async () => {
    const id = await acceptHeld(testHold({ budgets: [testBudget({ limit: '20500' })] }));
    const begun = await begin(id);
    expect(await bareSettlement().release(begun.run, next, callOf(begun, 500, 'failed'))).toBe('released');
    expect(await read(id)).toMatchObject({ state: 'in_progress' });
    expect(await spend('tenant:acme')).toEqual({ spent: 500, reserved: 20_000, unsettled: 0 });
  });

  test('ends its job when its cost leaves no room for another', async () => {
    const id = await acceptHeld(testHold({ budgets: [testBudget({ limit: '20499' })] }));
    const begun = await begin(id);
    expect(await bareSettlement().release(begun.run, next, callOf(begun, 500, 'failed'))).toBe('stopped');
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'budget_exceeded' } });
    expect(await spend('tenant:acme')).toEqual({ spent: 500, reserved: 0, unsettled: 0 });
    expect((await settlement().begin(id, 2, 'late')).kind).toBe('ended');
  });

  test('then leaves those who share its call to the oldest of them, which has a budget of its own', async () => {
    const leader = await acceptHeld(testHold({ budgets: [testBudget({ limit: '20499' })] }), { flight: 'd' });
    const heir = await follow(leader, { user: 'bob' });
    const begun = await begin(leader);
    await settlement().append(begun.run, { number: 1, events: [{ type: 'text-delta', text: 'Hal' }], chars: 3 });
    expect(await bareSettlement().release(begun.run, next, callOf(begun, 500, 'failed'))).toBe('stopped');
    expect(await read(heir)).toMatchObject({ state: 'queued' });
    // What was given out is not part of the answer that the heir will get.
    expect((await bench.log(heir)).at(-1)?.event).toMatchObject({ type: 'retrying', reset: true });
    // Nobody is told of it but the keeper of time.
    expect(await redis().zscore(keys().unqueued, heir)).not.toBeNull();
  });
});

describe('a shared call', () => {
  test('is paid for out of what the one has reserved who began it, also when that one has left', async () => {
    const place = keys().limit('acme', 'held');
    await redis().zadd(place, 1, 'other');
    const leader = await acceptHeld(testHold({ places: [place] }), { flight: 'd' });
    await redis().zadd(place, 1, leader);
    const bobs = { nano: '20000', budgets: [testBudget({ subject: 'user:acme:bob' })] };
    await bench.followHeld(leader, testHold(bobs), { user: 'bob' });
    const { run, record } = await begin(leader);
    await bench.stop(leader);
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 20_000, unsettled: 0 });
    // Its call is under way still.
    expect(await redis().zrange(place, '0', '-1')).toEqual(['other', leader].toSorted());

    await settlement().settle(run, record, costing(700));
    expect(await redis().zrange(place, '0', '-1')).toEqual(['other']);
    expect(await spend('tenant:acme')).toEqual({ spent: 700, reserved: 0, unsettled: 0 });
    expect(await spend('user:acme:bob')).toEqual({ spent: 0, reserved: 0, unsettled: 0 });
  });

  test('that nobody wants any more is not made again, and what was reserved for it is given back', async () => {
    const leader = await acceptHeld(testHold(), { flight: 'd' });
    const follower = await follow(leader, { user: 'bob' });
    const begun = await begin(leader);
    await bench.stop(leader);
    await bareSettlement().release(begun.run, next, callOf(begun, 500, 'failed'));
    await bench.stop(follower);
    expect(await spend('tenant:acme')).toEqual({ spent: 500, reserved: 20_000, unsettled: 0 });
    expect(await settlement().begin(leader, 2, 'later')).toEqual({ kind: 'ended', heir: undefined });
    expect(await spend('tenant:acme')).toEqual({ spent: 500, reserved: 0, unsettled: 0 });
  });

  test('that is made again under another leader is paid for out of that one’s own', async () => {
    const leader = await acceptHeld(testHold({ budgets: [testBudget({ subject: 'user:acme:ann' })] }), { flight: 'd' });
    const bobs = testHold({ budgets: [testBudget({ subject: 'user:acme:bob' })] });
    const heir = await bench.followHeld(leader, bobs, { user: 'bob' });
    const first = await begin(leader);
    await bench.stop(leader);
    // The call that went on for others is lost with its worker.
    expect(await settlement().begin(leader, 1, 'later')).toEqual({ kind: 'ended', heir });
    expect(await spend('user:acme:ann')).toEqual({ spent: 0, reserved: 0, unsettled: 20_000 });
    expect(await spend('user:acme:bob')).toEqual({ spent: 0, reserved: 20_000, unsettled: 0 });

    const { run, record } = await begin(heir);
    await settlement().settle(run, record, costing(700));
    expect(await spend('user:acme:bob')).toEqual({ spent: 700, reserved: 0, unsettled: 0 });
    await bareSettlement().book({ id: leader }, callOf(first, 500, 'aborted'));
    expect(await spend('user:acme:ann')).toEqual({ spent: 500, reserved: 0, unsettled: 0 });
  });
});

describe('a budget that is used up to some part', () => {
  const watched = (limit = '10000') =>
    testHold({ nano: '1', budgets: [testBudget({ limit, period: '2026-11', alerts: [50, 80, 100] })] });
  const day = { spendDay: '2026-11-24' };

  test('is told of when a call crosses that mark, once for each', async () => {
    const before = Date.now();
    for (const nano of [4999, 1, 1, 2998, 1, 1, 1998, 1]) await spends(nano, day, watched());
    const events = await budgetEvents();
    expect(events.map(({ percent, spent }) => [percent, spent])).toEqual([
      ['50', '5000'],
      ['80', '8000'],
      ['100', '10000'],
    ]);
    const [first = {}] = events;
    expect(Object.keys(first).sort()).toEqual([
      'limit',
      'percent',
      'period',
      'spent',
      'subject',
      't',
      'tenant',
      'type',
    ]);
    const entry = budgetEntry.parse(first);
    expect(entry).toEqual({
      type: 'budget.threshold',
      tenant: 'acme',
      subject: { scope: 'tenant', id: 'acme' },
      period: '2026-11',
      limit: 10_000n,
      spent: 5000n,
      percent: 50,
      t: expect.any(Number),
    });
    expect(entry.t).toBeGreaterThanOrEqual(before);
  });

  test.for([
    [4999, []],
    [7999, ['50']],
    [8000, ['80']],
    [10_000, ['100']],
    [25_000, ['100']],
  ] as const)('by one call of %i is told of by the highest mark alone: %s', async ([nano, marks]) => {
    await spends(nano, day, watched());
    expect((await budgetEvents()).map(({ percent }) => percent)).toEqual(marks);
  });

  test('is told of whatever order its marks are in, and each budget for itself', async () => {
    const budgets = [
      testBudget({ subject: 'user:acme:ann', limit: '1000', alerts: [100, 90, 10] }),
      testBudget({ subject: 'tenant:acme', limit: '10000', alerts: [9] }),
      testBudget({ subject: 'tenant:acme', period: '2026-11-24', limit: '5000', alerts: [] }),
    ];
    await spends(950, day, testHold({ nano: '1000', budgets }));
    expect((await budgetEvents()).map(({ subject, period, percent }) => [subject, period, percent])).toEqual([
      ['user:acme:ann', 'total', '90'],
      ['tenant:acme', 'total', '9'],
    ]);
  });

  test('is not told of again by a repeat, nor by a call that cost nothing', async () => {
    const id = await acceptHeld(watched(), day);
    const begun = await begin(id);
    const call = callOf(begun, 5000);
    await bareSettlement().settle(begun.run, begun.record, costing(5000), call);
    await bareSettlement().book({ id }, call);
    await spends(0, day, watched());
    expect(await budgetEvents()).toHaveLength(1);
  });

  test('by a call that was lost, is told of when its cost is known', async () => {
    const id = await acceptHeld(watched(), day);
    const lost = await begin(id);
    const { run, record } = await begin(id);
    await settlement().settle(run, record, costing(100));
    expect(await budgetEvents()).toEqual([]);
    await bareSettlement().book({ id }, callOf(lost, 4900, 'aborted'));
    expect((await budgetEvents()).map(({ percent, spent }) => [percent, spent])).toEqual([['50', '5000']]);
  });
});

describe('counters', () => {
  const dayMs = 86_400_000;
  const daysLeft = async (period: string) => (await redis().pttl(keys().spend('tenant:acme', period))) / dayMs;

  test('of days are kept for 17 days, of months for 100, and of all time for ever', async () => {
    await spends(500, { spendDay: '2026-11-24' });
    expect(await daysLeft('2026-11-24')).toBeCloseTo(17, 1);
    expect(await daysLeft('2026-11')).toBeCloseTo(100, 1);
    expect(await redis().pttl(keys().spend('tenant:acme', 'total'))).toBe(-1);
  });

  test('of a budget’s own period do not go by themselves while it is in use', async () => {
    const hold = testHold({ budgets: [testBudget({ period: '2026-11-24' }), testBudget({ period: '2026-11' })] });
    const id = await acceptHeld(hold, { spendDay: '2026-11-24' });
    for (const period of ['2026-11-24', '2026-11']) {
      await redis().pexpire(keys().spend('tenant:acme', period), 60_000);
    }
    await bench.stop(id);
    expect(await daysLeft('2026-11-24')).toBeCloseTo(17, 1);
    expect(await daysLeft('2026-11')).toBeCloseTo(100, 1);
  });

  test('are those of the day on which a job was accepted, however late it ends', async () => {
    const hold = testHold({ budgets: [testBudget({ period: '2026-01-31' })] });
    await spends(500, { spendDay: '2026-01-31', key: 'key_1' }, hold);
    for (const subject of ['tenant:acme', 'user:acme:ann', 'key:key_1']) {
      for (const period of ['2026-01-31', '2026-01', 'total']) {
        expect([subject, period, (await spend(subject, period)).spent]).toEqual([subject, period, 500]);
      }
    }
    expect((await redis().keys(keys().spend('*', '*'))).length).toBe(9);
  });

  test('of today are those of a job that is older than this rule', async () => {
    await spends(500);
    const [{ finishedMs = 0 } = {}] = await Promise.all([read((await rows())[0]?.generation ?? '')]);
    const today = new Date(finishedMs).toISOString().slice(0, 10);
    expect(await spend('tenant:acme', today)).toMatchObject({ spent: 500 });
  });

  test('know what was spent before there was a budget', async () => {
    const id = await accept();
    const { run, record } = await begin(id);
    await settlement().settle(run, record, costing(90_000));
    await expect(acceptHeld(testHold())).rejects.toThrow('no budget has room');
    expect(await spend('tenant:acme')).toEqual({ spent: 90_000, reserved: 0, unsettled: 0 });
  });
});

test('a call of which nobody knows what it used is unsettled, and what was held for it is kept back', async () => {
  const id = await acceptHeld(testHold());
  const { run, record } = await begin(id);
  await bench.stop(id);
  await settlement().stop(run, record, 'cancel', undefined);
  expect(await rows()).toMatchObject([
    { status: 'unsettled', usageSource: 'unknown', costNanoUsd: null, promptTokens: 0 },
  ]);
  expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 0, unsettled: 20_000 });
});

test('what an operator has written off is not taken back again when the outcome comes', async () => {
  const id = await acceptHeld(testHold());
  const lost = await begin(id);
  await begin(id);
  await bench.redis().hset(bench.keys().spend('tenant:acme', 'total'), 'unsettled', 0);
  await bareSettlement().book({ id }, callOf(lost, 500, 'aborted'));
  expect(await spend('tenant:acme')).toEqual({ spent: 500, reserved: 20_000, unsettled: 0 });
});

test('a job that was accepted before its budget was raised has the room that others have', async () => {
  const id = await acceptHeld(testHold({ budgets: [testBudget({ limit: '20000' })] }));
  const { run } = await begin(id);
  await bench.redis().hset(bench.keys().spend('tenant:acme', 'total'), { limit: '90000', spent: '60000' });
  const next = { attempt: 2, afterMs: 0, reason: 'provider_busy' };
  expect(await settlement().release(run, next)).toBe('released');
  expect(await settlement().begin(id, 2, 'later')).toMatchObject({ kind: 'ended' });
  await bench.redis().hset(bench.keys().spend('tenant:acme', 'total'), 'spent', '40000');
  const other = await acceptHeld(testHold({ budgets: [testBudget({ limit: '90000' })] }));
  expect(await settlement().begin(other, 1, 'first')).toMatchObject({ kind: 'run' });
});

test('a call whose price nobody knows has a row without a cost, and spends nothing', async () => {
  const id = await acceptHeld(testHold());
  const { run, record } = await begin(id);
  await settlement().settle(run, record, pricedAnswer({ costNanoUsd: null }));
  expect(await told()).toEqual([[1, 'completed', null]]);
  expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 0, unsettled: 0 });
});

const freeText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    `"'`,
    '\\',
    'ann:bob',
    'user:acme:ann',
    '100%',
    '%20',
    'Bären 🐻',
    '\0',
    '\u2028',
    '\x7f',
    'a/b',
    ']=]',
    ']==]',
  ),
  // As they come over HTTP; Redis keeps them as U+FFFD.
  fc.constantFrom('half a \ud83d', '\udc3b'),
);

test('whatever its user is called, a call has rows that can be read, and is counted for that user', async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(freeText, async (name) => {
      number += 1;
      const tenant = `tenant ${number}`;
      const user = name.toWellFormed();
      const subject = spendSubject.user(tenant, user);
      const hold = testHold({ budgets: [testBudget({ subject, alerts: [1] })] });
      const leader = await acceptHeld(hold, { tenant, user });
      await follow(leader, { tenant, user });
      await begin(leader);
      const { run, record } = await begin(leader);
      await settlement().settle(run, record, costing(5000));

      const own = (await rows()).filter((row) => row.tenant === tenant);
      expect(own.map((row) => [row.kind, row.status, row.user])).toEqual([
        ['call', 'unsettled', user],
        ['call', 'completed', user],
        ['coalesced', 'completed', user],
      ]);
      expect(await spend(subject)).toEqual({ spent: 5000, reserved: 0, unsettled: 20_000 });
      const entry = budgetEntry.parse((await budgetEvents()).at(-1));
      expect(entry.subject).toEqual({ scope: 'user', id: user });
    }),
    { numRuns: 60 },
  );
});

test('the day of a time is the one that JavaScript knows, from 1970 to 2100', async () => {
  const days = defineScript(
    redis(),
    `${lifecycleLua(keys())}
     local days = {}
     for index, ms in ipairs(ARGV) do days[index] = utc_day(tonumber(ms)) end
     return days`,
  );
  const last = Date.UTC(2101, 0, 1) - 1;
  const dayMs = 86_400_000;
  const eachDay = Array.from({ length: Math.ceil(last / dayMs) }, (_, number) => number * dayMs);
  const check = async (times: number[]) => {
    expect(await days([keys().due], times)).toEqual(times.map((ms) => new Date(ms).toISOString().slice(0, 10)));
  };
  // The first and the last millisecond of each.
  for (let from = 0; from < eachDay.length; from += 5000) {
    const piece = eachDay.slice(from, from + 5000);
    await check(piece);
    await check(piece.map((ms) => ms + dayMs - 1));
  }
  await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: last }), { maxLength: 500 }), check), {
    numRuns: 20,
  });
});
