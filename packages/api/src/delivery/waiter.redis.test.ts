import { acceptedRecord } from '../test/accepted-record.ts';
import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { makeInstanceId, makeJobId } from '@llm-gateway/shared/contracts/ids';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { createJobReader } from '../jobs/job-reader.ts';
import { answered, createHand, type Hand } from '../test/settle-by-hand.ts';
import { createAttendance, leaseMs } from './attendance.ts';
import { createWaiter, type Wait, type Waiter } from './waiter.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const keys = createKeys(`test-${randomUUID().slice(0, 18)}`);
// So rare that no test lives to see one: what ends a wait then is something else.
const never = 2 ** 30;

let redis: Redis;
let subscriber: Redis;
let hand: Hand;
let name: string;
let opened: Waiter[];
beforeEach(async () => {
  name = `waiter-${randomUUID()}`;
  opened = [];
  redis = connectRedis({ url: inject('redisUrl'), name: `${name}-commands`, role: 'producer', log });
  subscriber = connectRedis({ url: inject('redisUrl'), name, role: 'subscriber', log });
  await Promise.all([whenReady(redis), whenReady(subscriber)]);
  hand = createHand(redis, keys);
});
afterEach(() => {
  for (const waiter of opened) waiter.close();
  for (const connection of [redis, subscriber]) connection.disconnect();
});

async function openWaiter(sweepMs = never): Promise<Waiter> {
  const jobs = createJobReader(redis, keys);
  const instanceId = makeInstanceId();
  const attendance = createAttendance({ redis, keys, instanceId });
  const waiter = await createWaiter({ subscriber, keys, jobs, attendance, instanceId, sweepMs });
  opened.push(waiter);
  return waiter;
}

/** A job as acceptance leaves it; with a waiter it is waited for from the start. */
async function accepted(waiter?: Waiter): Promise<string> {
  const id = makeJobId();
  await redis.hset(keys.job(id), { ...acceptedRecord(), resultTtlMs: '60000' });
  if (waiter) await redis.zadd(keys.readers(id), Date.now() + leaseMs, waiter.instanceId);
  return id;
}

const done = answered('x');

async function killSubscriber(): Promise<void> {
  const list = String(await redis.client('LIST'));
  const line = list.split('\n').find((entry) => entry.includes(` name=${name} `));
  const id = /^id=(\d+)/.exec(line ?? '')?.[1];
  if (id !== undefined) await redis.client('KILL', 'ID', id);
}

describe('a wait ends', () => {
  test('when settlement calls', async () => {
    const waiter = await openWaiter();
    const id = await accepted(waiter);
    const end = waiter.expect(id).end(20_000);
    await hand.settle(id, done);
    expect(await end).toBe('ended');
    expect(waiter.size()).toBe(0);
  });

  test('when the job ended between expect and end', async () => {
    const waiter = await openWaiter();
    const id = await accepted(waiter);
    const wait = waiter.expect(id);
    await hand.settle(id, done);
    await waitFor(() => waiter.size() === 0, { what: 'the notice is heard' });
    expect(await wait.end(20_000)).toBe('ended');
  });

  test('by the sweep when the notice was lost', async () => {
    const waiter = await openWaiter(50);
    const id = await accepted(waiter);
    const end = waiter.expect(id).end(20_000);
    await hand.settle(id, done, { notice: false });
    expect(await end).toBe('ended');
  });

  test('by the sweep when the record is gone', async () => {
    const waiter = await openWaiter(50);
    const id = await accepted(waiter);
    const end = waiter.expect(id).end(20_000);
    await redis.del(keys.job(id));
    expect(await end).toBe('ended');
  });

  test('after a reconnect, when the job ended while the connection was down', async () => {
    const waiter = await openWaiter();
    const id = await accepted(waiter);
    const end = waiter.expect(id).end(20_000);
    const closed = once(subscriber, 'close');
    await killSubscriber();
    await closed;
    await hand.settle(id, done);
    expect(await end).toBe('ended');
  });

  test('by a notice after a reconnect: the channel is subscribed again', async () => {
    const waiter = await openWaiter();
    const id = await accepted(waiter);
    const end = waiter.expect(id).end(20_000);
    const closed = once(subscriber, 'close');
    await killSubscriber();
    await closed;
    const channel = keys.wakeChannel(waiter.instanceId);
    await waitFor(async () => Number((await redis.pubsub('NUMSUB', channel))[1]) === 1, { what: 'it is subscribed' });
    await redis.publish(channel, id);
    expect(await end).toBe('ended');
  });

  test('at its deadline, and not before', async () => {
    const waiter = await openWaiter();
    const startedAt = performance.now();
    expect(await waiter.expect(await accepted(waiter)).end(120)).toBe('timeout');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(119);
    expect(waiter.size()).toBe(0);
  });

  test('when it is given up', async () => {
    const waiter = await openWaiter();
    const wait = waiter.expect(makeJobId());
    expect(waiter.size()).toBe(1);
    wait.cancel();
    expect(waiter.size()).toBe(0);
    expect(await wait.end(20_000)).toBe('left');
  });

  test('when the process drains, then and later', async () => {
    const waiter = await openWaiter();
    const ends = [makeJobId(), makeJobId()].map((id) => waiter.expect(id).end(20_000));
    waiter.drain();
    expect(await Promise.all(ends)).toEqual(['draining', 'draining']);
    expect(await waiter.expect(makeJobId()).end(20_000)).toBe('draining');
    expect(waiter.size()).toBe(0);
  });
});

describe('a notice', () => {
  test('wakes everybody who waits for the job, and nobody else', async () => {
    const waiter = await openWaiter();
    const [id, other] = [await accepted(waiter), await accepted(waiter)];
    const ends = [waiter.expect(id), waiter.expect(id), waiter.expect(id)].map((wait) => wait.end(20_000));
    const left = waiter.expect(other);
    await hand.settle(id, done);
    expect(await Promise.all(ends)).toEqual(['ended', 'ended', 'ended']);
    expect(waiter.size()).toBe(1);
    left.cancel();
  });

  test('that one of several waiters does not wait for leaves the others waiting', async () => {
    const waiter = await openWaiter();
    const id = await accepted(waiter);
    const [first, second] = [waiter.expect(id), waiter.expect(id)];
    first.cancel();
    const end = second.end(20_000);
    await hand.settle(id, done);
    expect(await end).toBe('ended');
  });

  test('about a job of nobody is ignored', async () => {
    const waiter = await openWaiter();
    const id = await accepted(waiter);
    const end = waiter.expect(id).end(20_000);
    for (const text of ['', 'nonsense', makeJobId()]) await redis.publish(keys.wakeChannel(waiter.instanceId), text);
    await hand.settle(id, done);
    expect(await end).toBe('ended');
  });
});

describe('joining', () => {
  test('a job that has ended already ends at once', async () => {
    const waiter = await openWaiter();
    const id = await accepted();
    await hand.settle(id, done);
    expect(await (await waiter.join(id)).end(20_000)).toBe('ended');
    expect(waiter.size()).toBe(0);
  });

  test('a job under way: settlement calls this instance from then on', async () => {
    const waiter = await openWaiter();
    const id = await accepted();
    const wait = await waiter.join(id);
    expect(await redis.zrange(keys.readers(id), 0, '-1')).toEqual([waiter.instanceId]);
    expect(await redis.pttl(keys.readers(id))).toBeGreaterThan(290_000);
    await hand.settle(id, done);
    expect(await wait.end(20_000)).toBe('ended');
  });

  test('without Redis is refused, and nothing is left behind', async () => {
    const waiter = await openWaiter();
    redis.disconnect();
    await expect(waiter.join(makeJobId())).rejects.toMatchObject({ failure: { code: 'dependency_down' } });
    expect(waiter.size()).toBe(0);
  });
});

describe('a reader', () => {
  const readers = (id: string) => redis.zrange(keys.readers(id), 0, '-1');
  const leftMs = async (id: string) => Number(await redis.hget(keys.job(id), 'unreadMs'));
  const left = (id: string) => waitFor(async () => (await leftMs(id)) > 0, { what: 'it has left' });

  test.for([
    ['is given up', (wait: Wait) => wait.cancel()],
    ['runs out', () => undefined],
    ['is cut short by a shutdown', (_wait: Wait, waiter: Waiter) => waiter.drain()],
  ] as const)('leaves when its wait %s', async ([how, stop]) => {
    const waiter = await openWaiter();
    const id = await accepted(waiter);
    const wait = waiter.expect(id);
    const end = wait.end(how === 'runs out' ? 10 : 20_000);
    stop(wait, waiter);
    await end;
    await left(id);
    expect(await readers(id)).toEqual([]);
  });

  test('stays while another request of the same process waits', async () => {
    const waiter = await openWaiter();
    const id = await accepted(waiter);
    const [first, second] = [waiter.expect(id), await waiter.join(id)];
    const ends = [first.end(20_000), second.end(20_000)];
    first.cancel();
    await ends[0];
    await redis.ping();
    expect(await readers(id)).toEqual([waiter.instanceId]);
    second.cancel();
    await left(id);
    expect(await readers(id)).toEqual([]);
  });

  test('of a job that has ended says nothing when its connection closes', async () => {
    const waiter = await openWaiter();
    const id = await accepted(waiter);
    const wait = waiter.expect(id);
    const end = wait.end(20_000);
    await hand.settle(id, done);
    await end;
    // As it would be were the job still under way: whatever is said of it now would show.
    await redis.hset(keys.job(id), 'state', 'in_progress');
    wait.cancel();
    await redis.ping();
    expect(await leftMs(id)).toBe(0);
  });

  test.for([
    ['a client that had gone', (wait: Wait) => wait.cancel(), 'left'],
    ['a shutdown', (_wait: Wait, waiter: Waiter) => waiter.drain(), 'draining'],
  ] as const)('leaves as soon as the job is accepted, after %s', async ([, stop, how]) => {
    const waiter = await openWaiter();
    const id = await accepted();
    const late = waiter.expect(id);
    stop(late, waiter);
    // Acceptance, which was under way, makes this process a reader all the same.
    await redis.zadd(keys.readers(id), Date.now() + leaseMs, waiter.instanceId);
    expect(await late.end(20_000)).toBe(how);
    await left(id);
    expect(await readers(id)).toEqual([]);
  });

  test('of a job that was never accepted leaves no trace', async () => {
    const waiter = await openWaiter();
    const id = makeJobId();
    waiter.expect(id).cancel();
    await redis.ping();
    expect(await redis.exists(keys.job(id), keys.readers(id))).toBe(0);
    expect(waiter.size()).toBe(0);
  });
});

test('500 waits with the connection killed again and again: none hangs, none is left', async () => {
  const waiter = await openWaiter();
  let killing = true;
  const killer = (async () => {
    while (killing) {
      await killSubscriber();
      if (subscriber.status !== 'ready') await once(subscriber, 'ready');
    }
  })();
  let kills = 0;
  subscriber.on('close', () => {
    kills += 1;
  });
  const ends = await Promise.all(
    Array.from({ length: 500 }, async (_, index) => {
      const id = await accepted(index % 2 === 0 ? waiter : undefined);
      const wait = index % 2 === 0 ? waiter.expect(id) : await waiter.join(id);
      const end = wait.end(15_000);
      // Spread over the kills: every job ends at a moment of its own.
      await waitFor(() => kills >= index % 8, { what: 'as many kills', timeoutMs: 14_000, intervalMs: 1 });
      await hand.settle(id, done);
      return end;
    }),
  );
  killing = false;
  await killer;
  expect(ends.filter((end) => end !== 'ended')).toEqual([]);
  expect(kills).toBeGreaterThanOrEqual(7);
  expect(waiter.size()).toBe(0);
});
