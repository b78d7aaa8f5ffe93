import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { makeInstanceId, makeJobId } from '@llm-gateway/shared/contracts/ids';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { createJobReader } from '../jobs/job-reader.ts';
import { createAttendance } from './attendance.ts';
import { createWaiter, type Waiter } from './waiter.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const keys = createKeys(`test-${randomUUID().slice(0, 18)}`);

let redis: Redis;
let subscriber: Redis;
let waiter: Waiter;
beforeEach(async () => {
  const connect = (role: 'producer' | 'subscriber') =>
    connectRedis({ url: inject('redisUrl'), name: 'waiter-races', role, log });
  [redis, subscriber] = [connect('producer'), connect('subscriber')];
  await Promise.all([whenReady(redis), whenReady(subscriber)]);
  const jobs = createJobReader(redis, keys);
  const instanceId = makeInstanceId();
  const attendance = createAttendance({ redis, keys, instanceId });
  waiter = await createWaiter({ subscriber, keys, jobs, attendance, instanceId, sweepMs: 10 });
});
afterEach(() => {
  waiter.close();
  for (const connection of [redis, subscriber]) connection.disconnect();
});

test('a sweep between expect and acceptance does not take a job without a record yet for one that is gone', async () => {
  const id = makeJobId();
  const wait = waiter.expect(id);
  // As long as acceptance may take: a script that Redis does not know yet, or a reply that a reconnect delays.
  await pause(100);
  await redis.hset(keys.job(id), { state: 'queued' });
  expect(await wait.end(200)).toBe('timeout');
});
