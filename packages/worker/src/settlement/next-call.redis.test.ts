import { describe, expect, test } from 'vitest';
import { pricedAnswer, testHold } from '../test-job.ts';
import { openSettlementBench, testCall } from '../test-settlement.ts';

const { accept, acceptHeld, bareSettlement, begin, follow, log, read, rows, spend, stop } = openSettlementBench();

const next = { attempt: 1, reason: 'provider_busy', model: { id: 'openai/gpt-4o', provider: 'openai' } };

type Begun = Awaited<ReturnType<typeof begin>>;

const callOf = ({ run, record }: Begun, used: Parameters<typeof testCall>[2]['used'] = 'none') =>
  testCall(run, record, { status: 'failed', used });

const told = async () => (await rows()).map(({ call, status, model }) => [call, status, model]);

test('books the call that is over, and puts the next one on record with its model', async () => {
  const id = await accept();
  const begun = await begin(id);
  expect(await bareSettlement().nextCall(begun.run, next, callOf(begun))).toEqual({ kind: 'calls', call: 2 });
  expect(await told()).toEqual([[1, 'failed', 'sandbox/echo']]);
  expect(await read(id)).toMatchObject({ state: 'in_progress', attempt: 1, calls: 2 });
  expect((await log(id)).map(({ event }) => event.type)).toEqual(['started', 'retrying', 'started']);
});

test('sent again, because its reply was lost with the connection, does the same once', async () => {
  const id = await accept();
  const begun = await begin(id);
  const call = callOf(begun);
  await bareSettlement().nextCall(begun.run, next, call);
  expect(await bareSettlement().nextCall(begun.run, next, call)).toEqual({ kind: 'calls', call: 2 });
  expect(await told()).toEqual([[1, 'failed', 'sandbox/echo']]);
  expect(await log(id)).toHaveLength(3);
});

test('of a run whose job another one has, books nothing', async () => {
  const id = await accept();
  const lost = await begin(id);
  await begin(id, 1);
  expect(await bareSettlement().nextCall(lost.run, next, callOf(lost))).toEqual({ kind: 'superseded' });
  expect(await told()).toEqual([[1, 'unsettled', 'sandbox/echo']]);
  expect((await read(id)).calls).toBe(2);
});

describe('a call whose worker dies', () => {
  test('is left unsettled as one of its model; the run after it begins with the first model', async () => {
    const id = await accept();
    const begun = await begin(id);
    await bareSettlement().nextCall(begun.run, next, callOf(begun));
    const again = await begin(id, 1);
    expect(again.record.calls).toBe(3);
    await begin(id, 1);
    expect(await told()).toEqual([
      [1, 'failed', 'sandbox/echo'],
      [2, 'unsettled', 'openai/gpt-4o'],
      [3, 'unsettled', 'sandbox/echo'],
    ]);
  });
});

describe('a budget', () => {
  test('goes on holding one call’s worth beside what was spent', async () => {
    const id = await acceptHeld(testHold());
    const begun = await begin(id);
    await bareSettlement().nextCall(begun.run, next, callOf(begun, pricedAnswer({ costNanoUsd: '500' })));
    expect(await spend('tenant:acme')).toEqual({ spent: 500, reserved: 20_000, unsettled: 0 });
  });

  test('keeps back what a call may have cost of which no word came, and holds as much again for the next', async () => {
    const id = await acceptHeld(testHold());
    const begun = await begin(id);
    await bareSettlement().nextCall(begun.run, next, callOf(begun, 'unknown'));
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 20_000, unsettled: 20_000 });
  });

  test('without room for the next call ends the job', async () => {
    const id = await acceptHeld(testHold({ nano: '60000' }));
    const begun = await begin(id);
    expect(await bareSettlement().nextCall(begun.run, next, callOf(begun, 'unknown'))).toEqual({ kind: 'stopped' });
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'budget_exceeded' }, calls: 1 });
    expect(await spend('tenant:acme')).toEqual({ spent: 0, reserved: 0, unsettled: 60_000 });
  });
});

describe('a job that was to be stopped', () => {
  test('ends instead, and the call that is over is booked', async () => {
    const id = await accept();
    const begun = await begin(id);
    await stop(id);
    expect(await bareSettlement().nextCall(begun.run, next, callOf(begun))).toEqual({ kind: 'stopped' });
    expect(await read(id)).toMatchObject({ state: 'cancelled', calls: 1 });
    expect(await told()).toEqual([[1, 'failed', 'sandbox/echo']]);
  });

  test('goes on for others that share its call', async () => {
    const id = await accept({ flight: 'f' });
    const begun = await begin(id);
    const follower = await follow(id);
    await stop(id);
    expect(await bareSettlement().nextCall(begun.run, next, callOf(begun))).toEqual({ kind: 'calls', call: 2 });
    expect((await read(follower)).state).toBe('in_progress');
  });
});
