import { describe, expect, test } from 'vitest';
import { createSettlement } from '../settlement/settlement.ts';
import {
  acceptHeldJob,
  acceptJob,
  followJob,
  pricedAnswer,
  readLog,
  readSpend,
  stopJob,
  type TestFields,
  testHold,
} from '../test-job.ts';
import { openLaneBench, silent } from '../test-lanes.ts';
import { testCall, withCalls } from '../test-settlement.ts';
import { startTimekeeper } from './timekeeper.ts';

const { redis, keys, laneQueues, queue, submit, read } = openLaneBench();

/** A keeper of time that does what is due when it is told, and only then. */
function open() {
  const timekeeper = startTimekeeper({ redis: redis(), keys: keys(), laneQueues: laneQueues(), log: silent });
  timekeeper.close();
  return timekeeper;
}
const tick = () => open().tick();

const ago = (ms: number) => String(Date.now() - ms);
const ahead = (ms: number) => String(Date.now() + ms);
const dueOf = async (id: string) => {
  const due = await redis().zscore(keys().due, id);
  return due === null ? undefined : Number(due);
};
const isQueued = async (id: string) => (await queue().getJob(id)) !== undefined;
const settlement = () => withCalls(createSettlement({ redis: redis(), keys: keys(), cacheMaxBytes: 1_000_000 }));

/** A job in its lane that has to be looked at now. */
async function submitDue(fields: TestFields) {
  const id = await submit(fields);
  await redis().zadd(keys().due, Date.now() - 1, id);
  return id;
}

/** A job in its lane, and its first run. */
async function runs(fields: TestFields) {
  const id = await submit(fields);
  const beginning = await settlement().begin(id, 1, 'run-1');
  if (beginning.kind !== 'run') throw new Error(`${id} is ${beginning.kind}`);
  return { id, run: { id, run: 'run-1' }, record: beginning.record };
}

/** Says that the job has to be looked at, and that this has come true of it meanwhile. */
async function comesTrue(id: string, fields: TestFields) {
  await redis().hset(keys().job(id), fields);
  await redis().zadd(keys().due, Date.now() - 1, id);
}

describe('a start deadline', () => {
  test('that passed expires a job that has not begun, and takes it out of its lane', async () => {
    const id = await submitDue({ startDeadlineMs: ago(10) });
    await tick();
    expect(await read(id)).toMatchObject({ state: 'expired', failure: { code: 'deadline_exceeded' } });
    expect(await isQueued(id)).toBe(false);
  });

  test('is no matter to a job that has begun', async () => {
    const { id } = await runs({});
    await comesTrue(id, { startDeadlineMs: ago(10) });
    await tick();
    expect((await read(id)).state).toBe('in_progress');
    expect(await dueOf(id)).toBeUndefined();
  });

  test('to come is looked at again when it comes', async () => {
    const startDeadlineMs = ahead(60_000);
    const id = await submitDue({ startDeadlineMs, deadlineMs: ahead(90_000) });
    await tick();
    expect((await read(id)).state).toBe('queued');
    expect(await dueOf(id)).toBe(Number(startDeadlineMs));
    expect(await isQueued(id)).toBe(true);
  });
});

describe('a deadline', () => {
  test('that passed expires a job that has not begun', async () => {
    const id = await submitDue({ deadlineMs: ago(10) });
    await tick();
    expect(await read(id)).toMatchObject({ state: 'expired', failure: { code: 'deadline_exceeded' } });
    expect(await isQueued(id)).toBe(false);
  });

  test('tells a running job to stop, once', async () => {
    const { id } = await runs({});
    await comesTrue(id, { deadlineMs: ago(10) });
    await tick();
    expect(await read(id)).toMatchObject({ state: 'in_progress', stop: 'deadline' });
    expect(await dueOf(id)).toBeUndefined();
    expect(await isQueued(id)).toBe(true);
  });

  test('fails a job between two attempts, which is then out of its lane', async () => {
    const { id, run } = await runs({});
    await settlement().release(run, { attempt: 2, afterMs: 30_000, reason: 'provider_busy' });
    await comesTrue(id, { deadlineMs: ago(10) });
    await tick();
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'deadline_exceeded' } });
    expect(await isQueued(id)).toBe(false);
  });

  test('is waited for by a job that runs', async () => {
    const deadlineMs = ahead(60_000);
    const { id } = await runs({ deadlineMs });
    expect(await dueOf(id)).toBe(Number(deadlineMs));
  });

  test('of a follower is its own: the call that it shares goes on', async () => {
    const { id: leader } = await runs({});
    const follower = await followJob(redis(), keys(), leader, { deadlineMs: ago(10) });
    await redis().zadd(keys().due, 1, follower);
    await tick();
    expect(await read(follower)).toMatchObject({ state: 'failed', free: true });
    expect(await read(leader)).toMatchObject({ state: 'in_progress' });
    expect((await read(leader)).stop).toBeUndefined();
  });

  test('of a leader that waits gives its place to the oldest follower, in the lane too', async () => {
    const leader = await submitDue({ deadlineMs: ago(10), queuePriority: '77', tag: '76', flight: 'd' });
    const heir = await followJob(redis(), keys(), leader);
    await tick();
    expect(await read(leader)).toMatchObject({ state: 'expired' });
    expect(await isQueued(leader)).toBe(false);
    expect(await queue().getJob(heir)).toMatchObject({ priority: 77 });
    expect(await redis().get(keys().flight('d'))).toBe(heir);
  });
});

describe('a job that wants a reader, before it has begun', () => {
  const graceMs = '5000';

  test.for([
    ['nobody has ever read it', { createdMs: -6000 }, [], 'expired'],
    ['its readers said good-bye', { createdMs: -60_000, unreadMs: -6000 }, [], 'expired'],
    ['its reader died', { createdMs: -60_000 }, [-6000], 'expired'],
    ['it is young', { createdMs: -4000 }, [], 'queued'],
    ['its readers have just left', { createdMs: -60_000, unreadMs: -4000 }, [], 'queued'],
    ['its reader may be late', { createdMs: -60_000 }, [-4000], 'queued'],
    ['somebody reads it', { createdMs: -60_000, unreadMs: -6000 }, [-6000, 10_000], 'queued'],
  ] as const)('and %s', async ([, times, leases, state]) => {
    const now = Date.now();
    const fields = Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, String(now + ms)]));
    const id = await submitDue({ graceMs, ...fields });
    for (const [index, lease] of leases.entries()) {
      await redis().zadd(keys().readers(id), now + lease, `api-${index}`);
    }
    await tick();
    const record = await read(id);
    expect(record.state).toBe(state);
    expect(await isQueued(id)).toBe(state === 'queued');
    if (state === 'expired') expect(record.failure?.code).toBe('job_abandoned');
    // Looked at again when its time would be over as things stand.
    else expect(await dueOf(id)).toBe(now + Math.max(...Object.values(times), ...leases) + 5000);
  });

  test('is kept by a client that polls', async () => {
    const id = await submitDue({ graceMs, createdMs: ago(60_000) });
    const leaseMs = Date.now() + 30_000;
    await redis().zadd(keys().readers(id), leaseMs, 'poll');
    await tick();
    expect((await read(id)).state).toBe('queued');
    expect(await dueOf(id)).toBe(leaseMs + 5000);
  });

  test('is cancelled, if it was asked not to outlive its readers', async () => {
    const id = await submitDue({ graceMs, createdMs: ago(60_000), onDisconnect: 'cancel' });
    await tick();
    expect(await read(id)).toMatchObject({ state: 'cancelled', failure: { code: 'job_cancelled' } });
  });

  test('but one that needs none is never given up', async () => {
    const id = await submitDue({ createdMs: ago(86_400_000) });
    await tick();
    expect((await read(id)).state).toBe('queued');
    expect(await isQueued(id)).toBe(true);
  });

  test('and one that nothing began for a week has ended, and says so', async () => {
    const week = 7 * 86_400_000;
    const [waits, late] = [
      await submitDue({ createdMs: ago(week - 60_000) }),
      await submitDue({ createdMs: ago(week) }),
    ];
    await tick();
    expect((await read(waits)).state).toBe('queued');
    expect(await read(late)).toMatchObject({ state: 'expired', failure: { code: 'deadline_exceeded' } });
    expect(await isQueued(late)).toBe(false);
  });
});

describe('a job that was to begin later', () => {
  const park = async (fields: Record<string, string>) => {
    const id = await acceptJob(redis(), keys(), { priority: '5' });
    await redis().hset(keys().job(id), { parked: '1', share: 'user:ann', ...fields });
    await redis().zadd(keys().parked('sandbox'), Date.now(), id);
    await redis().zadd(keys().due, ago(1), id);
    return id;
  };

  test('takes its place and its turn when its time has come', async () => {
    const id = await park({ delayedUntilMs: ago(1) });
    await redis().hset(keys().fairClock('sandbox'), 'now', 700);
    await tick();
    expect(await read(id)).toMatchObject({ state: 'queued', tag: 740 });
    expect((await read(id)).parked).toBeUndefined();
    expect(await isQueued(id)).toBe(true);
    expect(await redis().zscore(keys().parked('sandbox'), id)).toBeNull();
  });

  test.for([
    ['before its time', { delayedUntilMs: ahead(3_600_000) }],
    ['while it is held', { delayedUntilMs: ago(1), held: '1' }],
  ] as const)('does not %s', async ([, fields]) => {
    const id = await park(fields);
    await tick();
    expect(await read(id)).toMatchObject({ state: 'queued', parked: true });
    expect(await isQueued(id)).toBe(false);
  });
});

describe('a running job that nobody reads any more', () => {
  test('is told to stop, if it was asked not to outlive its readers', async () => {
    const { id } = await runs({ graceMs: '5000', onDisconnect: 'cancel' });
    await comesTrue(id, { createdMs: ago(6000) });
    await tick();
    expect(await read(id)).toMatchObject({ state: 'in_progress', stop: 'disconnect' });
  });

  test('goes on otherwise', async () => {
    const { id } = await runs({ graceMs: '5000' });
    await comesTrue(id, { createdMs: ago(6000) });
    await tick();
    expect((await read(id)).stop).toBeUndefined();
    expect(await dueOf(id)).toBeUndefined();
  });
});

describe('a job that was to be queued', () => {
  const forget = (id: string, ms: number) => redis().zadd(keys().unqueued, Date.now() - ms, id);

  test('and was forgotten in a crash is queued now', async () => {
    const leader = await submit();
    const heir = await followJob(redis(), keys(), leader);
    await redis().hdel(keys().job(heir), 'leader');
    await redis().hset(keys().job(heir), 'queuePriority', '99');
    await forget(heir, 3000);
    await tick();
    expect(await queue().getJob(heir)).toMatchObject({ priority: 99, data: { id: heir } });
    expect(await redis().zcard(keys().unqueued)).toBe(0);
  });

  test('a moment ago is left to who is at it', async () => {
    const leader = await submit();
    const heir = await followJob(redis(), keys(), leader);
    await redis().hdel(keys().job(heir), 'leader');
    await forget(heir, 500);
    await tick();
    expect(await isQueued(heir)).toBe(false);
    expect(await redis().zcard(keys().unqueued)).toBe(1);
  });

  test('and has ended meanwhile is not', async () => {
    const leader = await submit();
    const heir = await followJob(redis(), keys(), leader, { state: 'cancelled' });
    await forget(heir, 3000);
    await tick();
    expect(await isQueued(heir)).toBe(false);
    expect(await redis().zcard(keys().unqueued)).toBe(0);
  });
});

describe('a result that has been kept long enough', () => {
  async function ended(fields: TestFields = {}) {
    const { id, run, record } = await runs({ user: 'ann b', ...fields });
    await settlement().append(run, { number: 1, events: [{ type: 'text-delta', text: 'Hi.' }], chars: 3 });
    return { id, run, record };
  }
  const expire = (id: string) => redis().zadd(keys().due, Date.now() - 1, id);

  test.for(['completed', 'failed'] as const)(
    'of a job that is %s is cleared away, and leaves a stone',
    async (state) => {
      const { id, run, record } = await ended();
      if (state === 'completed') await settlement().settle(run, record, pricedAnswer());
      else await settlement().fail(run, record, { code: 'provider_refused', detail: 'No.' });
      expect(await redis().exists(keys().job(id), keys().log(id))).toBe(2);
      await expire(id);
      await tick();

      expect(await redis().exists(keys().job(id), keys().log(id), keys().readers(id), keys().followers(id))).toBe(0);
      const left = await redis().keys(`${keys().due.replace(':due', '')}:jobs:*`);
      expect(left).toEqual([]);
      expect(await dueOf(id)).toBeUndefined();
      expect(await redis().get(keys().gone(id))).toBe('acme');
      const keptMs = await redis().pttl(keys().gone(id));
      expect(keptMs).toBeGreaterThan(7 * 86_400_000 - 10_000);
      expect(keptMs).toBeLessThanOrEqual(7 * 86_400_000);
    },
  );

  test('and not a moment before', async () => {
    const { id, run, record } = await ended();
    await settlement().settle(run, record, pricedAnswer());
    await tick();
    expect((await read(id)).state).toBe('completed');
    expect(await readLog(redis(), keys(), id)).toHaveLength(2);
  });

  test('of a leader that left is kept while its call goes on for others', async () => {
    const { id, run, record } = await ended();
    const follower = await followJob(redis(), keys(), id);
    await comesTrue(id, { deadlineMs: ago(10) });
    await tick();
    expect(await read(id)).toMatchObject({ state: 'failed', detached: true });
    await expire(id);
    await tick();
    expect(await read(id)).toMatchObject({ state: 'failed', detached: true });
    expect(await dueOf(id)).toBeGreaterThan(Date.now());

    await settlement().settle(run, record, pricedAnswer());
    expect(await read(follower)).toMatchObject({ state: 'completed' });
    await expire(id);
    await tick();
    expect(await redis().exists(keys().job(id))).toBe(0);
  });

  test('of a leader that left is kept until its call, which nobody wants any more, has been charged', async () => {
    const { id, run, record } = await runs({});
    const follower = await followJob(redis(), keys(), id);
    for (const left of [id, follower]) await stopJob(redis(), keys(), left, 'cancel');
    await expire(id);
    await tick();
    expect((await settlement().stop(run, record, 'cancel', pricedAnswer())).kind).toBe('settled');
    expect(await readSpend(redis(), keys(), 'tenant:acme')).toMatchObject({ spent: 13_000 });
    await expire(id);
    await tick();
    expect(await redis().exists(keys().job(id))).toBe(0);
  });

  test('of a leader that left gives back what it held for a call that is put off and that nobody wants any more', async () => {
    const leader = await acceptHeldJob(redis(), keys(), testHold());
    const beginning = await settlement().begin(leader, 1, 'run-1');
    if (beginning.kind !== 'run') throw new Error(`${leader} is ${beginning.kind}`);
    const run = { id: leader, run: 'run-1' };
    const follower = await followJob(redis(), keys(), leader);
    await stopJob(redis(), keys(), leader, 'cancel');
    const failed = testCall(run, beginning.record, { status: 'failed', used: 'none' });
    const bare = createSettlement({ redis: redis(), keys: keys(), cacheMaxBytes: 1_000_000 });
    await bare.release(run, { attempt: 2, afterMs: 600_000, reason: 'provider_rate_limited' }, failed);
    await stopJob(redis(), keys(), follower, 'cancel');
    await expire(leader);
    await tick();
    expect(await redis().exists(keys().job(leader))).toBe(0);
    expect(await readSpend(redis(), keys(), 'tenant:acme')).toEqual({ spent: 0, reserved: 0, unsettled: 0 });
  });

  test('a record that went by itself is struck off', async () => {
    await redis().zadd(keys().due, 1, 'job_none');
    await tick();
    expect(await redis().zcard(keys().due)).toBe(0);
    expect(await redis().exists(keys().job('job_none'), keys().gone('job_none'))).toBe(0);
  });
});

test('two at once do nothing twice, and all that is due in one go', async () => {
  const count = 130;
  await redis().hset(keys().webhookEndpoints('acme'), 'one', '{}');
  const ids = [];
  for (let number = 0; number < count; number += 1) ids.push(await submitDue({ deadlineMs: ago(10) }));
  await Promise.all([tick(), tick(), tick()]);
  for (const id of ids) expect((await read(id)).state).toBe('expired');
  expect(await redis().xlen(keys().webhookOutbox)).toBe(count);
  expect(await queue().getJobCountByTypes('prioritized', 'delayed', 'wait')).toBe(0);
});

test('by itself it does what is due', async () => {
  const id = await submitDue({ deadlineMs: ago(10) });
  const timekeeper = startTimekeeper({ redis: redis(), keys: keys(), laneQueues: laneQueues(), log: silent });
  await expect.poll(async () => (await read(id)).state).toBe('expired');
  timekeeper.close();
});
