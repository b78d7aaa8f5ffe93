import { stopReasons } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pricedAnswer } from '../test-job.ts';
import { openSettlementBench } from '../test-settlement.ts';

const { accept, begin, follow, keys, log, read, redis, rows, settlement, spend, stop } = openSettlementBench();

const next = { attempt: 2, afterMs: 1000, reason: 'provider_busy' };

/** What is said on the channel that workers listen to. */
async function listen() {
  const subscriber = redis().duplicate();
  onTestFinished(() => subscriber.disconnect());
  const heard: string[] = [];
  subscriber.on('message', (_channel: string, message: string) => heard.push(message));
  await subscriber.subscribe(keys().control);
  return heard;
}

// Written out, so that a slip in the table of reasons is seen.
const endings = [
  ['cancel', 'cancelled', 'cancelled', 'job_cancelled'],
  ['disconnect', 'cancelled', 'cancelled', 'job_cancelled'],
  ['abandoned', 'expired', 'expired', 'job_abandoned'],
  ['start_deadline', 'expired', 'expired', 'deadline_exceeded'],
  ['unserved', 'expired', 'expired', 'deadline_exceeded'],
  ['budget', 'failed', 'failed', 'budget_exceeded'],
  ['deadline', 'expired', 'failed', 'deadline_exceeded'],
] as const;

test('every reason is among these', () => {
  expect(endings.map(([reason]) => reason)).toEqual(Object.keys(stopReasons));
});

describe.for(endings)('told to stop for %s', ([reason, before, running, code]) => {
  test('a job that waits ends at once, and owes nothing', async () => {
    const id = await accept({ flight: 'd' });
    expect(await stop(id, reason)).toEqual({ outcome: 'ended', heir: undefined });
    expect(await read(id)).toMatchObject({ state: before, failure: { code } });
    expect(await redis().exists(keys().spend('tenant:acme', 'total'), keys().ledger, keys().flight('d'))).toBe(0);
    expect(await redis().zscore(keys().jobIndex('acme', 'open'), id)).toBeNull();
    expect(await redis().zscore(keys().jobIndex('acme', 'state', before), id)).not.toBeNull();
    expect((await settlement().begin(id, 1, 'late')).kind).toBe('ended');
  });

  test('a job that runs is told so, ends with its run, and is charged what it used', async () => {
    const heard = await listen();
    const id = await accept();
    const { run, record } = await begin(id);
    expect(await stop(id, reason)).toEqual({ outcome: 'stopping', heir: undefined });
    const told = await read(id);
    expect(told).toMatchObject({ state: 'in_progress', stop: reason });
    expect(told.cancelRequestedMs).toBeGreaterThanOrEqual(told.createdMs);
    await waitFor(() => heard.length > 0, { what: 'the message' });
    expect(heard).toEqual([`${id} ${reason}`]);

    const used = pricedAnswer({ text: 'Hal', usageSource: 'estimated' });
    expect((await settlement().stop(run, record, reason, used, [{ type: 'text-delta', text: 'Hal' }])).kind).toBe(
      'settled',
    );
    expect(await read(id)).toMatchObject({ state: running, failure: { code }, answer: used });
    expect((await log(id)).at(-1)?.event).toEqual({ type: 'text-delta', text: 'Hal' });
    expect(await spend('user:acme:ann')).toMatchObject({ spent: 13_000 });
    expect(await rows()).toMatchObject([
      { generation: id, status: 'aborted', costNanoUsd: '13000', usageSource: 'estimated' },
    ]);
  });

  test('a job between two attempts ends at once', async () => {
    const heard = await listen();
    const id = await accept();
    const { run } = await begin(id);
    await settlement().release(run, next);
    expect(await stop(id, reason)).toEqual({ outcome: 'ended', heir: undefined });
    expect(await read(id)).toMatchObject({ state: running, failure: { code } });
    expect((await settlement().begin(id, 2, 'late')).kind).toBe('ended');
    expect(heard).toEqual([]);
  });

  test('a job that shares the call of another ends at once and leaves that one alone', async () => {
    const leader = await accept();
    const follower = await follow(leader);
    await begin(leader);
    expect(await stop(follower, reason)).toEqual({ outcome: 'ended', heir: undefined });
    expect(await read(follower)).toMatchObject({ state: running, failure: { code }, free: true });
    expect(await read(leader)).toMatchObject({ state: 'in_progress' });
  });
});

describe('a job that was told to stop', () => {
  test('stays told for the reason and since the time of the first', async () => {
    const heard = await listen();
    const id = await accept();
    await begin(id);
    await stop(id, 'disconnect');
    const { cancelRequestedMs } = await read(id);
    expect(await stop(id, 'cancel')).toEqual({ outcome: 'stopping', heir: undefined });
    expect(await read(id)).toMatchObject({ stop: 'disconnect', cancelRequestedMs });
    await redis().publish(keys().control, 'no more');
    await waitFor(() => heard.includes('no more'), { what: 'the last message' });
    expect(heard).toEqual([`${id} disconnect`, 'no more']);
  });

  test('ends with the attempt that fails meanwhile, instead of being tried again', async () => {
    const id = await accept();
    const { run } = await begin(id);
    await stop(id, 'cancel');
    expect(await settlement().release(run, next)).toBe('stopped');
    expect(await read(id)).toMatchObject({ state: 'cancelled' });
    expect((await log(id)).map(({ event }) => event.type)).toEqual(['started']);
  });

  test('ends when it would begin again, its worker having died', async () => {
    const id = await accept();
    await begin(id);
    await stop(id, 'deadline');
    expect(await settlement().begin(id, 1, 'later')).toEqual({ kind: 'ended', heir: undefined });
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'deadline_exceeded' } });
  });

  test('completes if its answer was there first: it is paid for', async () => {
    const id = await accept();
    const { run, record } = await begin(id);
    await stop(id, 'cancel');
    await settlement().settle(run, record, pricedAnswer());
    expect(await read(id)).toMatchObject({ state: 'completed' });
  });
});

test.for([
  ['cancel', true],
  ['disconnect', true],
  ['abandoned', false],
  ['start_deadline', false],
  ['budget', false],
  ['deadline', false],
] as const)('after %s a repeat under the same Idempotency-Key finds the job: %s', async ([reason, isKept]) => {
  const id = await accept({ idempotency: 'key' });
  await redis().hset(keys().idempotency('key'), { job: id, fingerprint: 'f' });
  await stop(id, reason);
  expect(await redis().exists(keys().idempotency('key'))).toBe(isKept ? 1 : 0);
});

test('a job that has ended, and one that is not there, are left alone', async () => {
  const id = await accept();
  await stop(id, 'cancel');
  const before = await redis().hgetall(keys().job(id));
  expect(await stop(id, 'deadline')).toEqual({ outcome: 'unchanged', heir: undefined });
  expect(await redis().hgetall(keys().job(id))).toEqual(before);
  expect(await stop('job_none', 'cancel')).toEqual({ outcome: 'missing', heir: undefined });
  expect(await redis().exists(keys().job('job_none'))).toBe(0);
});

test.for([
  ['deadlineMs', 'expired'],
  ['startDeadlineMs', 'expired'],
] as const)('a job is not begun after its %s', async ([name, state]) => {
  const id = await accept({ [name]: String(Date.now() - 1000) });
  expect((await settlement().begin(id, 1, 'run-1')).kind).toBe('ended');
  expect(await read(id)).toMatchObject({ state, failure: { code: 'deadline_exceeded' } });
});

test.for([
  ['continue', 'expired', 'job_abandoned'],
  ['cancel', 'cancelled', 'job_cancelled'],
] as const)(
  'a job that nobody reads any more is not begun, and on disconnect: %s is %s',
  async ([onDisconnect, state, code]) => {
    const id = await accept({ graceMs: '5000', createdMs: String(Date.now() - 6000), onDisconnect });
    expect((await settlement().begin(id, 1, 'run-1')).kind).toBe('ended');
    expect(await read(id)).toMatchObject({ state, failure: { code } });
  },
);
