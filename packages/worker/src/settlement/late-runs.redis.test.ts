import { describe, expect, test } from 'vitest';
import { pricedAnswer } from '../test-job.ts';
import { openSettlementBench, testCall } from '../test-settlement.ts';
import { asDuplicate } from './booked-call.ts';

const failure = { code: 'provider_unreachable', detail: 'sandbox could not be reached.' } as const;

const { accept, begin, bareSettlement, keys, log, redis, rows, settlement, spend } = openSettlementBench();

async function begun(id: string, run: string) {
  const { record } = await begin(id, 1, run);
  return { id, run, record };
}

const told = async () => (await rows()).map(({ call, status }) => [call, status]);
const spent = async () => (await spend('user:acme:ann')).spent;

describe('a settlement whose reply was lost with the connection is sent again', () => {
  test('with an answer: it is told as settled and counted once', async () => {
    const { id, run, record } = await begun(await accept(), 'run-1');
    expect((await settlement().settle({ id, run }, record, pricedAnswer())).kind).toBe('settled');
    expect((await settlement().settle({ id, run }, record, pricedAnswer())).kind).toBe('settled');
    expect(await told()).toEqual([[1, 'completed']]);
    expect(await spent()).toBe(13_000);
  });

  test('with a failure: the same', async () => {
    const { id, run, record } = await begun(await accept(), 'run-1');
    expect((await settlement().fail({ id, run }, record, failure)).kind).toBe('settled');
    expect((await settlement().fail({ id, run }, record, failure)).kind).toBe('settled');
    expect(await told()).toEqual([[1, 'failed']]);
  });
});

describe('a run that was taken for dead', () => {
  test('does not fail the job over the head of the run that took its place', async () => {
    const id = await accept();
    const frozen = await begun(id, 'run-1');
    const successor = await begun(id, 'run-2');
    expect((await settlement().fail({ id, run: 'run-1' }, frozen.record, failure)).kind).toBe('superseded');
    expect(await redis().hmget(keys().job(id), 'state', 'run')).toEqual(['in_progress', 'run-2']);
    expect((await settlement().settle({ id, run: 'run-2' }, successor.record, pricedAnswer())).kind).toBe('settled');
    // What the first call came to is not known before its run says so.
    expect(await told()).toEqual([
      [1, 'unsettled'],
      [2, 'completed'],
    ]);
    expect(await spent()).toBe(13_000);
  });

  test('may still bring the answer that it paid for, and then the other one is the duplicate', async () => {
    const id = await accept();
    const frozen = await begun(id, 'run-1');
    const successor = await begun(id, 'run-2');
    expect((await settlement().settle({ id, run: 'run-1' }, frozen.record, pricedAnswer())).kind).toBe('settled');
    const late = pricedAnswer({ costNanoUsd: '500' });
    expect((await settlement().settle({ id, run: 'run-2' }, successor.record, late)).kind).toBe('ended');
    expect(await told()).toEqual([
      [1, 'unsettled'],
      [1, 'completed'],
      [2, 'unsettled'],
    ]);
    expect(await spent()).toBe(13_000);

    // The provider charges for it all the same.
    const call = asDuplicate(testCall({ id }, successor.record, { status: 'completed', used: late }));
    await bareSettlement().book({ id }, call);
    expect((await told()).at(-1)).toEqual([2, 'duplicate']);
    expect(await spent()).toBe(13_500);
  });

  test('and its readers get its text, not that of the run in its place', async () => {
    const id = await accept();
    const frozen = await begun(id, 'run-1');
    await begun(id, 'run-2');
    const events = [{ type: 'text-delta', text: 'Another beg' } as const];
    await settlement().append({ id, run: 'run-2' }, { number: 1, events, chars: 11 });
    const unsent = [{ type: 'text-delta', text: 'Hi.' } as const];
    await settlement().settle({ id, run: 'run-1' }, frozen.record, pricedAnswer({ text: 'Hi.' }), unsent);
    expect((await log(id)).at(-1)?.event).toEqual({ type: 'snapshot', text: 'Hi.' });
  });

  test('and text that ends in half a surrogate pair is settled like any other', async () => {
    const id = await accept();
    const frozen = await begun(id, 'run-1');
    await begun(id, 'run-2');
    const text = 'Cut \ud83d';
    expect((await settlement().settle({ id, run: 'run-1' }, frozen.record, pricedAnswer({ text }))).kind).toBe(
      'settled',
    );
    expect((await log(id)).at(-1)?.event).toEqual({ type: 'snapshot', text });
    expect(await spent()).toBe(13_000);
  });
});
