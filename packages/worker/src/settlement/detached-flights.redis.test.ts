import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pricedAnswer } from '../test-job.ts';
import { openSettlementBench } from '../test-settlement.ts';

const busy = { code: 'provider_busy', detail: 'sandbox answered 503.', provider: 'sandbox' } as const;

const { accept, begin, follow, keys, read, redis, settlement, stop } = openSettlementBench();

const usageOf = (userId: string) => redis().hgetall(keys().usage({ tenantId: 'acme', userId }));

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
  test('ends at once, at no cost, and its call goes on for the others', async () => {
    const { leader, followers } = await detached(2);
    const left = await read(leader);
    expect(left).toMatchObject({ state: 'cancelled', failure: { code: 'job_cancelled' }, free: true, detached: true });
    expect(left.stop).toBeUndefined();
    expect(await redis().hexists(keys().job(leader), 'run')).toBe(1);
    for (const id of followers) expect(await read(id)).toMatchObject({ state: 'in_progress', leader });
  });

  test('lets the first follower pay, exactly once', async () => {
    const { leader, followers, run, record } = await detached(2);
    const answer = pricedAnswer();
    expect(await settlement().settle(run, record, answer)).toEqual({ kind: 'settled', heir: undefined });

    const [first, second] = await Promise.all(followers.map(read));
    expect(first).toMatchObject({ state: 'completed', answer });
    expect(first?.free).toBeUndefined();
    expect(second).toMatchObject({ state: 'completed', answer, free: true });
    expect(await usageOf('follower 1')).toMatchObject({
      'sandbox/echo|requests': '1',
      'sandbox/echo|nanoUsd': '13000',
    });
    expect(await usageOf('follower 2')).toEqual({ 'sandbox/echo|requests': '1', 'sandbox/echo|coalesced': '1' });
    expect(await usageOf('leader')).toEqual({});
    expect(await redis().hget(keys().usage({ tenantId: 'acme' }), 'sandbox/echo|nanoUsd')).toBe('13000');
    expect(await redis().hget(keys().cacheStats, 'coalesced')).toBe('1');

    const left = await read(leader);
    expect(left).toMatchObject({ state: 'cancelled', free: true });
    expect([left.answer, left.detached]).toEqual([undefined, undefined]);
    expect(await redis().hexists(keys().job(leader), 'run')).toBe(0);
  });

  test('settles once: a repeat is told the same, and another run that it had ended', async () => {
    const { run, record, leader } = await detached(1);
    await settlement().settle(run, record, pricedAnswer());
    expect((await settlement().settle(run, record, pricedAnswer())).kind).toBe('settled');
    expect((await settlement().settle({ id: leader, run: 'late' }, record, pricedAnswer())).kind).toBe('ended');
    expect(await redis().hget(keys().usage({ tenantId: 'acme' }), 'sandbox/echo|requests')).toBe('1');
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

  test('runs again for the others when its worker was killed', async () => {
    const { leader, followers } = await detached(1);
    const again = await begin(leader);
    expect(again.losses).toBe(1);
    expect((await read(leader)).state).toBe('cancelled');
    await settlement().settle(again.run, again.record, pricedAnswer());
    expect(await read(followers[0] ?? '')).toMatchObject({ state: 'completed' });
    expect(await usageOf('follower 1')).toMatchObject({ 'sandbox/echo|nanoUsd': '13000' });
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
    expect(await usageOf('leader')).toMatchObject({ 'sandbox/echo|requests': '1', 'sandbox/echo|nanoUsd': '500' });
    for (const id of followers) expect(await read(id)).toMatchObject({ state: 'cancelled', free: true });
    expect(await usageOf('follower 1')).toEqual({});
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
    expect(await usageOf('leaver')).toEqual({});
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
