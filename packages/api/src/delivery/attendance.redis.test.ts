import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { createAttendance, leaseMs } from './attendance.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const graceMs = 30_000;
const pollLeaseMs = 30_000;
// What nobody begins is given up after so long.
const weekMs = 7 * 24 * 3_600_000;

let keys: Keys;
let redis: Redis;
beforeEach(async () => {
  keys = createKeys(`test-${randomUUID().slice(0, 18)}`);
  redis = connectRedis({ url: inject('redisUrl'), name: 'attendance-test', role: 'producer', log });
  await whenReady(redis);
});
afterEach(() => redis.disconnect());

const attendance = (instanceId = 'inst_1') => createAttendance({ redis, keys, instanceId });

/** A job that wants a reader, unless the test says otherwise; accepted an hour ago, so that only readers keep it. */
async function job(fields: Record<string, string | number> = {}): Promise<string> {
  const id = makeJobId();
  const createdMs = Date.now() - 3_600_000;
  await redis.hset(keys.job(id), { state: 'queued', createdMs, graceMs, onDisconnect: 'continue', ...fields });
  return id;
}

async function lease(id: string, reader = 'inst_1'): Promise<number | null> {
  const score = await redis.zscore(keys.readers(id), reader);
  return score === null ? null : Number(score);
}

async function due(id: string): Promise<number | null> {
  const score = await redis.zscore(keys.due, id);
  return score === null ? null : Number(score);
}

const created = async (id: string) => Number(await redis.hget(keys.job(id), 'createdMs'));

const unread = async (id: string) => Number(await redis.hget(keys.job(id), 'unreadMs'));

async function clockMs(): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

describe('joining', () => {
  test('makes the instance a reader for a lease, and puts off the end by that and the grace', async () => {
    const id = await job();
    const before = await clockMs();
    await attendance().join(id);
    const until = (await lease(id)) ?? 0;
    expect(until).toBeGreaterThanOrEqual(before + leaseMs);
    expect(until).toBeLessThanOrEqual((await clockMs()) + leaseMs);
    expect(await due(id)).toBe(until + graceMs);
    expect(await redis.pttl(keys.readers(id))).toBeGreaterThan(leaseMs);
  });

  test('a job that needs no reader lets itself be read, and is never due for that', async () => {
    const id = await job();
    await redis.hdel(keys.job(id), 'graceMs');
    await attendance().join(id);
    expect(await lease(id)).not.toBeNull();
    expect(await due(id)).toBeNull();
  });

  test('a job that runs and goes on without readers is not due for want of one', async () => {
    const id = await job({ state: 'in_progress', startedMs: 1 });
    await attendance().join(id);
    expect(await due(id)).toBeNull();
  });

  test('a job that runs and shall not outlive its readers is due', async () => {
    const id = await job({ state: 'in_progress', startedMs: 1, onDisconnect: 'cancel' });
    await attendance().join(id);
    expect(await due(id)).toBe(((await lease(id)) ?? 0) + graceMs);
  });

  test('never puts off a deadline', async () => {
    const deadlineMs = Date.now() + 5000;
    const id = await job({ deadlineMs });
    await attendance().join(id);
    expect(await due(id)).toBe(deadlineMs);
  });
});

describe('renewing', () => {
  test('lengthens the lease of every job named, however many there are', async () => {
    const ids = await Promise.all(Array.from({ length: 450 }, () => job()));
    for (const id of ids) await redis.zadd(keys.readers(id), 1, 'inst_1');
    const before = await clockMs();
    await attendance().renew(ids);
    for (const id of ids) expect(await lease(id)).toBeGreaterThanOrEqual(before + leaseMs);
  });

  test('does not bring back one that has left', async () => {
    const id = await job();
    const reader = attendance();
    await reader.join(id);
    await reader.leave(id);
    await reader.renew([id]);
    expect(await lease(id)).toBeNull();
  });

  test('of nothing asks nothing of Redis', async () => {
    const reader = attendance();
    redis.disconnect();
    await reader.renew([]);
  });
});

describe('leaving', () => {
  test('starts the grace: the job is due when that is over', async () => {
    const id = await job();
    const reader = attendance();
    await reader.join(id);
    const before = await clockMs();
    await reader.leave(id);
    expect(await lease(id)).toBeNull();
    expect(await unread(id)).toBeGreaterThanOrEqual(before);
    expect(await due(id)).toBe((await unread(id)) + graceMs);
  });

  test('by one of two leaves the job to the other, for as long as that one said', async () => {
    const id = await job();
    await attendance('inst_1').join(id);
    await attendance('inst_2').join(id);
    await attendance('inst_1').leave(id);
    expect(await due(id)).toBe(((await lease(id, 'inst_2')) ?? 0) + graceMs);
  });

  test('twice is like leaving once, and coming back ends the grace', async () => {
    const id = await job();
    const reader = attendance();
    await reader.leave(id);
    await reader.leave(id);
    expect(await due(id)).toBe((await unread(id)) + graceMs);
    await reader.join(id);
    expect(await due(id)).toBe(((await lease(id)) ?? 0) + graceMs);
  });
});

describe('polling', () => {
  test('makes the client a reader until it may be expected again', async () => {
    const id = await job();
    const before = await clockMs();
    await attendance('inst_1').poll(id);
    const until = (await lease(id, 'poll')) ?? 0;
    expect(until).toBeGreaterThanOrEqual(before + pollLeaseMs);
    expect(await due(id)).toBe(until + graceMs);
  });

  test('through any instance is one reader', async () => {
    const id = await job();
    for (const instance of ['inst_1', 'inst_2']) await attendance(instance).poll(id);
    expect(await redis.zcard(keys.readers(id))).toBe(1);
  });
});

describe('dispensing', () => {
  test('lets the job go on without any reader', async () => {
    const id = await job();
    const reader = attendance();
    await reader.join(id);
    await reader.dispense(id);
    await reader.leave(id);
    expect(await due(id)).toBe((await created(id)) + weekMs);
    expect(await redis.hexists(keys.job(id), 'graceMs')).toBe(0);
  });

  test('leaves the deadline', async () => {
    const deadlineMs = Date.now() + 3_600_000;
    const id = await job({ deadlineMs });
    await attendance().join(id);
    await attendance().dispense(id);
    expect(await due(id)).toBe(deadlineMs);
  });
});

describe('nothing is left behind', () => {
  const ways = ['join', 'leave', 'poll', 'dispense'] as const;

  test.for(ways)('by %s for a job that has ended', async (way) => {
    const id = await job({ state: 'completed' });
    await attendance()[way](id);
    expect(await redis.exists(keys.readers(id))).toBe(0);
    expect(await due(id)).toBeNull();
    expect(await redis.hexists(keys.job(id), 'unreadMs')).toBe(0);
  });

  test.for(ways)('by %s for a job that is not there', async (way) => {
    const id = makeJobId();
    await attendance()[way](id);
    expect(await redis.exists(keys.job(id), keys.readers(id))).toBe(0);
    expect(await due(id)).toBeNull();
  });

  test('by renewing jobs that ended meanwhile', async () => {
    const [ended, running] = [await job({ state: 'failed' }), await job({ state: 'in_progress' })];
    await attendance().join(running);
    await attendance().renew([ended, running, makeJobId()]);
    expect(await redis.exists(keys.readers(ended))).toBe(0);
    expect(await lease(running)).not.toBeNull();
  });
});

test('without Redis each says so', async () => {
  const reader = attendance();
  redis.disconnect();
  const id = makeJobId();
  for (const work of [reader.join(id), reader.renew([id]), reader.leave(id), reader.poll(id)]) {
    await expect(work).rejects.toMatchObject({ failure: { code: 'dependency_down' } });
  }
});
