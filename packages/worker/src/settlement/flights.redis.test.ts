import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import type { FailureCode } from '@llm-gateway/shared/contracts/failure';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pricedAnswer, type TestFields } from '../test-job.ts';
import { openSettlementBench } from '../test-settlement.ts';

const busy = { code: 'provider_busy', detail: 'sandbox answered 503.', provider: 'sandbox' } as const;
const refused = { code: 'provider_refused', detail: 'sandbox answered 400.', provider: 'sandbox' } as const;

const { accept, begin, follow, keys, log, read, redis, rows, settlement, spend, stop } = openSettlementBench();

const leads = (fields: TestFields = {}) => accept({ flight: 'd', user: 'first', ...fields });
const follows = (leader: string, fields: TestFields = {}) => follow(leader, fields);
const spentBy = async (userId: string) => (await spend(spendSubject.user('acme', userId))).spent;
const heirOf = () => redis().get(keys().flight('d'));

async function fail(id: string, failure: { code: FailureCode; detail: string }) {
  const { run, record } = await begin(id);
  return settlement().fail(run, record, failure);
}

describe('an answer', () => {
  test('is that of everybody on the flight; who began it pays, the others are counted at no cost', async () => {
    const leader = await leads();
    const followers = [await follows(leader, { user: 'second' }), await follows(leader, { user: 'third' })];
    const { run, record } = await begin(leader);
    const answer = pricedAnswer();
    expect(await settlement().settle(run, record, answer)).toEqual({ kind: 'settled', heir: undefined });

    const paid = await read(leader);
    expect(paid).toMatchObject({ state: 'completed', answer });
    expect(paid.free).toBeUndefined();
    for (const id of followers)
      expect(await read(id)).toMatchObject({ state: 'completed', answer, free: true, leader });
    expect(await Promise.all(['first', 'second', 'third'].map(spentBy))).toEqual([13_000, 0, 0]);
    expect(await spend('tenant:acme')).toMatchObject({ spent: 13_000 });
    const [second, third] = followers;
    const coalesced = { kind: 'coalesced', status: 'completed', call: 0, costNanoUsd: '0', savedNanoUsd: '13000' };
    const free = { ...coalesced, promptTokens: 0, completionTokens: 0, usageSource: 'none' };
    expect(await rows()).toMatchObject([
      { generation: leader, user: 'first', kind: 'call', call: 1, costNanoUsd: '13000', savedNanoUsd: '0' },
      { ...free, generation: second, user: 'second' },
      { ...free, generation: third, user: 'third' },
    ]);
    for (const stats of [keys().cacheStats(), keys().cacheStats('acme')]) {
      expect(await redis().hget(stats, 'coalesced')).toBe('2');
    }
    expect(await redis().exists(keys().followers(leader), keys().flight('d'))).toBe(0);
  });

  test('that is cut short leaves everybody with it', async () => {
    const leader = await leads();
    const follower = await follows(leader);
    const { run, record } = await begin(leader);
    await settlement().settle(run, record, pricedAnswer({ finishReason: { unified: 'length', raw: 'length' } }));
    expect([(await read(leader)).state, (await read(follower)).state]).toEqual(['incomplete', 'incomplete']);
  });

  test('is kept in the cache once, however many share it', async () => {
    const wish = { cacheDigest: 'd', cacheTtlMs: '60000' };
    const leader = await leads(wish);
    await follows(leader, wish);
    await follows(leader, wish);
    const { run, record } = await begin(leader);
    await settlement().settle(run, record, pricedAnswer());
    expect(await redis().zcard(keys().cacheIndex)).toBe(1);
    const bytes = await redis().hget(keys().cacheEntry('d'), 'bytes');
    expect(await redis().hget(keys().cacheStats(), 'bytes')).toBe(bytes);
  });

  test('is told to the readers of everybody', async () => {
    const subscriber = redis().duplicate();
    onTestFinished(() => subscriber.disconnect());
    const heard = new Set<string>();
    subscriber.on('message', (_channel: string, id: string) => heard.add(id));
    await subscriber.subscribe(keys().wakeChannel('api-1'));
    const leader = await leads();
    const followers = [await follows(leader), await follows(leader)];
    for (const id of [leader, ...followers]) await redis().zadd(keys().readers(id), 1, 'api-1');
    const { run, record } = await begin(leader);
    await settlement().settle(run, record, pricedAnswer());
    await waitFor(() => heard.size === 3, { what: 'three calls' });
    expect(heard).toEqual(new Set([leader, ...followers]));
  });

  test('ends the flight: an equal request that comes later is one of its own', async () => {
    const leader = await leads();
    const { run, record } = await begin(leader);
    expect(await heirOf()).toBe(leader);
    await settlement().settle(run, record, pricedAnswer());
    expect(await heirOf()).toBeNull();
  });
});

describe('followers', () => {
  test('begin with their leader, each attempt of it', async () => {
    const leader = await leads();
    const early = await follows(leader);
    const { run } = await begin(leader);
    expect(await read(early)).toMatchObject({ state: 'in_progress', attempt: 1 });
    const { startedMs } = await read(early);
    expect(startedMs).toBe((await read(leader)).startedMs);
    await settlement().release(run, { attempt: 2, afterMs: 0, reason: 'provider_busy' });
    await begin(leader, 2);
    expect(await read(early)).toMatchObject({ state: 'in_progress', attempt: 2, startedMs });
  });

  test('remember where the shared log stood at their end', async () => {
    const leader = await leads();
    const leaves = await follows(leader);
    const stays = await follows(leader);
    const { run, record } = await begin(leader);
    await stop(leaves, 'cancel');
    await settlement().append(run, { number: 1, events: [{ type: 'text-delta', text: 'Hi' }], chars: 2 });
    await settlement().settle(run, record, pricedAnswer(), [{ type: 'text-delta', text: '.' }]);
    expect((await read(leaves)).endSequence).toBe(1);
    expect((await read(stays)).endSequence).toBe(3);
    expect((await read(leader)).endSequence).toBe(3);
  });
});

describe('a failure that another try could mend', () => {
  test('makes the oldest follower the leader of the rest, in the place that the old one had', async () => {
    const leader = await leads({ tag: '1234', queuePriority: '777' });
    const [oldest, middle, youngest] = [await follows(leader), await follows(leader), await follows(leader)];
    expect(await fail(leader, busy)).toEqual({ kind: 'settled', heir: oldest });

    expect(await read(leader)).toMatchObject({ state: 'failed', failure: busy });
    const heir = await read(oldest);
    expect(heir).toMatchObject({ state: 'queued', tag: 1234, queuePriority: 777 });
    expect(heir.leader).toBeUndefined();
    expect(heir.startedMs).toBeUndefined();
    expect(await redis().zrange(keys().followers(oldest), '0', '-1')).toEqual([middle, youngest]);
    for (const id of [middle, youngest]) expect(await read(id)).toMatchObject({ state: 'queued', leader: oldest });
    expect(await heirOf()).toBe(oldest);
    expect(await redis().exists(keys().followers(leader))).toBe(0);
    // Until a worker has begun it, whatever becomes of the process that has to queue it.
    expect(await redis().zscore(keys().unqueued, oldest)).not.toBeNull();

    const { run, record } = await begin(oldest);
    expect(await redis().zscore(keys().unqueued, oldest)).toBeNull();
    await settlement().settle(run, record, pricedAnswer());
    for (const id of [oldest, middle, youngest]) expect(await read(id)).toMatchObject({ state: 'completed' });
    expect(await spend('tenant:acme')).toMatchObject({ spent: 13_000 });
  });

  test('hands the log on, and takes back what it has given out', async () => {
    const leader = await leads();
    const heir = await follows(leader);
    const subscriber = redis().duplicate();
    onTestFinished(() => subscriber.disconnect());
    const heard: string[] = [];
    subscriber.on('message', (_channel: string, message: string) => heard.push(message));
    await subscriber.subscribe(keys().logChannel(leader));

    const { run, record } = await begin(leader);
    await settlement().append(run, { number: 1, events: [{ type: 'text-delta', text: 'Hal' }], chars: 3 });
    const told = await log(leader);
    await settlement().fail(run, record, busy);
    const [started, delta, retrying, ...more] = await log(heir);
    expect([started, delta]).toEqual(told);
    expect(retrying).toMatchObject({
      sequence: 3,
      event: { type: 'retrying', attempt: 1, afterMs: 0, reason: 'provider_busy', reset: true },
    });
    expect(more).toEqual([]);
    expect((await read(heir)).sequence).toBe(3);
    // Who follows the old log has to look where its job belongs now.
    await waitFor(() => heard.at(-1) === 'moved', { what: 'the move' });

    await begin(heir);
    expect((await log(heir)).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(await redis().pttl(keys().log(heir))).toBeGreaterThan(0);
  });

  test('takes nothing back where nothing was given out', async () => {
    const leader = await leads();
    const heir = await follows(leader);
    await fail(leader, busy);
    expect((await log(heir)).at(-1)?.event).toMatchObject({ type: 'retrying', reset: false });
  });

  test('changes the leader three times, then fails those who are left', async () => {
    const leader = await leads();
    const followers: string[] = [];
    for (let number = 0; number < 5; number += 1) followers.push(await follows(leader));
    let failing: string | undefined = leader;
    const led: string[] = [];
    while (failing !== undefined) {
      led.push(failing);
      failing = (await fail(failing, busy)).heir;
    }
    expect(led).toEqual([leader, ...followers.slice(0, 3)]);
    for (const id of [leader, ...followers]) expect(await read(id)).toMatchObject({ state: 'failed', failure: busy });
    expect(await redis().exists(keys().spend('tenant:acme', 'total'), keys().flight('d'))).toBe(0);
    expect((await rows()).map(({ generation, status, costNanoUsd }) => [generation, status, costNanoUsd])).toEqual(
      led.map((id) => [id, 'failed', '0']),
    );
  });

  test('that is a loss of workers is not tried anew with every follower: its losses are theirs', async () => {
    const leader = await leads();
    const heir = await follows(leader);
    for (let loss = 0; loss < 3; loss += 1) await begin(leader);
    const { run, record, losses } = await begin(leader);
    expect(losses).toBe(3);
    await settlement().fail(run, record, { code: 'internal', detail: 'The job was lost 3 times by crashed workers.' });
    expect((await begin(heir)).losses).toBe(3);
  });
});

describe('an heir', () => {
  test('that had begun before its start deadline, with the old leader, has met it', async () => {
    const leader = await leads();
    const heir = await follows(leader, { startDeadlineMs: String(Date.now() + 60_000) });
    const { run, record } = await begin(leader);
    await redis().hset(keys().job(heir), 'startDeadlineMs', Date.now() - 1000);
    await settlement().fail(run, record, busy);
    expect((await settlement().begin(heir, 1, 'run-1')).kind).toBe('run');
  });

  test('that has not begun is still bound by it', async () => {
    const leader = await leads();
    const heir = await follows(leader, { startDeadlineMs: String(Date.now() - 1000) });
    expect(await stop(leader, 'cancel')).toEqual({ outcome: 'ended', heir });
    expect(await settlement().begin(heir, 1, 'run-1')).toEqual({ kind: 'ended', heir: undefined });
    expect(await read(heir)).toMatchObject({ state: 'expired', failure: { code: 'deadline_exceeded' } });
  });

  test('may be given up again while it waits, if nobody reads it', async () => {
    const leader = await leads();
    const heir = await follows(leader, { graceMs: '5000' });
    const { run, record } = await begin(leader);
    await redis().zrem(keys().due, heir);
    await settlement().fail(run, record, busy);
    expect(Number(await redis().zscore(keys().due, heir))).toBe((await read(heir)).createdMs + 5000);
  });
});

test('a failure that no other try can mend is that of everybody', async () => {
  const leader = await leads();
  const followers = [await follows(leader), await follows(leader)];
  expect(await fail(leader, refused)).toEqual({ kind: 'settled', heir: undefined });
  for (const id of [leader, ...followers]) expect(await read(id)).toMatchObject({ state: 'failed', failure: refused });
  expect(await redis().exists(keys().cacheStats(), keys().cacheStats('acme'))).toBe(0);
  expect(await rows()).toMatchObject([{ generation: leader, kind: 'call', status: 'failed' }]);
  expect(await redis().exists(keys().flight('d'))).toBe(0);
});
