import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pricedAnswer } from '../test-job.ts';
import { openSettlementBench } from '../test-settlement.ts';

const busy = { code: 'provider_busy', detail: 'sandbox answered 503.', provider: 'sandbox' } as const;

const { accept, begin, follow, keys, read, redis, rows, settlement, spend, stop } = openSettlementBench();

const spentBy = async (userId: string) => (await spend(spendSubject.user('acme', userId))).spent;

/** A running leader that has left, and those who still want its answer. */
async function detached(followers: number) {
  const leader = await accept({ flight: 'd', user: 'leader' });
  const ids: string[] = [];
  for (let number = 1; number <= followers; number += 1) {
    ids.push(await follow(leader, { user: `follower ${number}` }));
  }
  const begun = await begin(leader);
  expect(await stop(leader)).toEqual({ outcome: 'ended', heir: undefined });
  return { leader, followers: ids, ...begun };
}

describe('a leader that is cancelled while it runs', () => {
  test('ends at once, at no cost so far, and its call goes on for the others', async () => {
    const { leader, followers } = await detached(2);
    const left = await read(leader);
    expect(left).toMatchObject({ state: 'cancelled', failure: { code: 'job_cancelled' }, free: true, detached: true });
    expect(left.stop).toBeUndefined();
    expect(await redis().hexists(keys().job(leader), 'run')).toBe(1);
    for (const id of followers) expect(await read(id)).toMatchObject({ state: 'in_progress', leader });
  });

  test('tells its own readers to look where it has ended, before they hear more of the call', async () => {
    const leader = await accept({ flight: 'd', user: 'leader' });
    await follow(leader, { user: 'follower' });
    const { run } = await begin(leader);
    const heard: string[] = [];
    const subscriber = redis().duplicate();
    onTestFinished(() => subscriber.disconnect());
    subscriber.on('message', (_channel: string, message: string) => heard.push(message));
    await subscriber.subscribe(keys().logChannel(leader));
    await stop(leader);
    await settlement().append(run, { number: 1, events: [{ type: 'text-delta', text: 'more' }], chars: 4 });
    await waitFor(() => heard.length === 2, { what: 'both are heard' });
    expect(heard).toEqual(['moved', expect.stringContaining('more')]);
  });

  test('pays for the call that it began, exactly once, and the others are free', async () => {
    const { leader, followers, run, record } = await detached(2);
    const answer = pricedAnswer();
    expect(await settlement().settle(run, record, answer)).toEqual({ kind: 'settled', heir: undefined });

    for (const id of followers) expect(await read(id)).toMatchObject({ state: 'completed', answer, free: true });
    expect(await Promise.all(['leader', 'follower 1', 'follower 2'].map(spentBy))).toEqual([13_000, 0, 0]);
    expect(await spend('tenant:acme')).toMatchObject({ spent: 13_000 });
    expect((await rows()).map(({ generation, kind, costNanoUsd }) => [generation, kind, costNanoUsd])).toEqual([
      [leader, 'call', '13000'],
      ...followers.map((id) => [id, 'coalesced', '0']),
    ]);
    expect(await redis().hget(keys().cacheStats(), 'coalesced')).toBe('2');

    const left = await read(leader);
    // It stays cancelled; what it paid for stands beside that.
    expect(left).toMatchObject({ state: 'cancelled', failure: { code: 'job_cancelled' }, answer });
    expect([left.free, left.detached]).toEqual([undefined, undefined]);
    expect(await redis().hexists(keys().job(leader), 'run')).toBe(0);
  });

  test('settles once: a repeat is told the same, and another run that it had ended', async () => {
    const { run, record, leader } = await detached(1);
    await settlement().settle(run, record, pricedAnswer());
    expect((await settlement().settle(run, record, pricedAnswer())).kind).toBe('settled');
    expect((await settlement().settle({ id: leader, run: 'late' }, record, pricedAnswer())).kind).toBe('ended');
    expect((await rows()).filter(({ kind }) => kind === 'call')).toHaveLength(1);
    expect(await spend('tenant:acme')).toMatchObject({ spent: 13_000 });
    expect((await settlement().begin(leader, 1, 'later')).kind).toBe('ended');
  });

  test('hands the flight on when its call fails and another try could mend it', async () => {
    const { leader, followers, run, record } = await detached(2);
    const [first = '', second = ''] = followers;
    expect(await settlement().fail(run, record, busy)).toEqual({ kind: 'settled', heir: first });
    expect(await read(leader)).toMatchObject({ state: 'cancelled', failure: { code: 'job_cancelled' } });
    expect(await read(first)).toMatchObject({ state: 'queued' });
    expect(await read(second)).toMatchObject({ state: 'queued', leader: first });
    expect((await settlement().begin(leader, 1, 'later')).kind).toBe('ended');
  });

  test('hands the flight on when its worker was killed: another call is not what it has promised to pay', async () => {
    const { leader, followers } = await detached(2);
    const [first = '', second = ''] = followers;
    expect(await settlement().begin(leader, 1, 'later')).toEqual({ kind: 'ended', heir: first });
    expect(await read(first)).toMatchObject({ state: 'queued' });
    expect(await read(second)).toMatchObject({ state: 'queued', leader: first });
    const left = await read(leader);
    expect([left.state, left.free, left.detached]).toEqual(['cancelled', true, undefined]);
    expect(await redis().hexists(keys().job(leader), 'run')).toBe(0);
    expect((await settlement().begin(leader, 1, 'later still')).kind).toBe('ended');

    // The loss is the request's, whoever leads it.
    const again = await begin(first);
    expect(again.losses).toBe(1);
    await settlement().settle(again.run, again.record, pricedAnswer());
    expect(await read(second)).toMatchObject({ state: 'completed', free: true });
    expect(await Promise.all(['leader', 'follower 1', 'follower 2'].map(spentBy))).toEqual([0, 13_000, 0]);
    expect((await rows()).map(({ generation, kind, status }) => [generation, kind, status])).toEqual([
      [leader, 'call', 'unsettled'],
      [first, 'call', 'completed'],
      [second, 'coalesced', 'completed'],
    ]);
  });

  test('runs again for the others after a failed attempt', async () => {
    const { leader, run } = await detached(1);
    expect(await settlement().release(run, { attempt: 2, afterMs: 0, reason: 'provider_busy' })).toBe('released');
    expect((await begin(leader, 2)).losses).toBe(0);
    expect((await read(leader)).state).toBe('cancelled');
  });
});

describe('when the last follower of a leader that has left is cancelled', () => {
  async function abandoned() {
    const subscriber = redis().duplicate();
    onTestFinished(() => subscriber.disconnect());
    const heard: string[] = [];
    subscriber.on('message', (_channel: string, message: string) => heard.push(message));
    await subscriber.subscribe(keys().control);
    const flight = await detached(2);
    const [first = '', second = ''] = flight.followers;
    await stop(first);
    expect(await redis().hexists(keys().job(flight.leader), 'stop')).toBe(0);
    expect(await stop(second)).toEqual({ outcome: 'ended', heir: undefined });
    return { ...flight, heard };
  }

  test('the call is told to stop', async () => {
    const { leader, heard } = await abandoned();
    await waitFor(() => heard.length > 0, { what: 'the message' });
    expect(heard).toEqual([`${leader} cancel`]);
    expect(await redis().hget(keys().job(leader), 'stop')).toBe('cancel');
  });

  test('what was used is charged to the one who began it', async () => {
    const { leader, followers, run, record } = await abandoned();
    const used = pricedAnswer({ text: 'Hal', usageSource: 'estimated', costNanoUsd: '500' });
    expect((await settlement().stop(run, record, 'cancel', used)).kind).toBe('settled');
    const charged = await read(leader);
    expect(charged).toMatchObject({ state: 'cancelled', answer: used });
    expect([charged.free, charged.detached, charged.stop]).toEqual([undefined, undefined, undefined]);
    expect(await spentBy('leader')).toBe(500);
    expect(await rows()).toMatchObject([{ generation: leader, status: 'aborted', costNanoUsd: '500' }]);
    for (const id of followers) expect(await read(id)).toMatchObject({ state: 'cancelled', free: true });
    expect(await Promise.all(['follower 1', 'follower 2'].map(spentBy))).toEqual([0, 0]);
  });

  test('nothing is left to be run again', async () => {
    const { leader, run } = await abandoned();
    expect(await settlement().release(run, { attempt: 1, afterMs: 0, reason: 'worker_stopping' })).toBe('stopped');
    expect((await settlement().begin(leader, 1, 'later')).kind).toBe('ended');
  });
});

describe('a flight that somebody leaves', () => {
  test('as a follower: the leader goes on, and who left pays nothing', async () => {
    const leader = await accept({ flight: 'd' });
    const follower = await follow(leader, { user: 'leaver' });
    const { run, record } = await begin(leader);
    expect(await stop(follower)).toEqual({ outcome: 'ended', heir: undefined });
    expect(await read(follower)).toMatchObject({ state: 'cancelled', free: true });
    expect(await redis().zcard(keys().followers(leader))).toBe(0);
    const { state, stop: told } = await read(leader);
    expect([state, told]).toEqual(['in_progress', undefined]);
    await settlement().settle(run, record, pricedAnswer());
    expect(await read(follower)).toMatchObject({ state: 'cancelled' });
    expect(await spentBy('leaver')).toBe(0);
    expect((await rows()).map(({ generation }) => generation)).toEqual([leader]);
  });

  test('as its leader, while it waits: the oldest follower takes its place in the queue', async () => {
    const leader = await accept({ flight: 'd', tag: '55', queuePriority: '56' });
    const [heir, other] = [await follow(leader), await follow(leader)];
    expect(await stop(leader)).toEqual({ outcome: 'ended', heir });
    expect(await read(leader)).toMatchObject({ state: 'cancelled' });
    expect(await read(heir)).toMatchObject({ state: 'queued', tag: 55, queuePriority: 56 });
    expect(await read(other)).toMatchObject({ leader: heir });
    expect(await redis().get(keys().flight('d'))).toBe(heir);
    expect(await redis().exists(keys().log(heir))).toBe(0);
  });

  test('as its leader, between two attempts: the same, with the log so far', async () => {
    const leader = await accept({ flight: 'd' });
    const heir = await follow(leader);
    const { run } = await begin(leader);
    await settlement().release(run, { attempt: 2, afterMs: 5000, reason: 'provider_busy' });
    expect(await stop(leader)).toEqual({ outcome: 'ended', heir });
    expect(await redis().xlen(keys().log(heir))).toBe(3);
    expect((await settlement().begin(leader, 2, 'late')).kind).toBe('ended');
  });
});
