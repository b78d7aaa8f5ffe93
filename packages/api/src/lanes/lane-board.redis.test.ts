import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { announceLanes, type LaneMode, withdrawWorker } from '@llm-gateway/shared/lanes/announcements';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import { createLaneQueues, type LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { type JobsOptions, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { createLaneBoard, type LaneBoard } from './lane-board.ts';

const log = createLogger({ service: 'test', level: 'silent' });

let redis: Redis;
let keys: ReturnType<typeof createKeys>;
let laneQueues: LaneQueues;
beforeEach(async () => {
  keys = createKeys(`test-${randomUUID().slice(0, 18)}`);
  redis = connectRedis({ url: inject('redisUrl'), name: 'board-test', role: 'producer', log });
  await whenReady(redis);
  laneQueues = createLaneQueues({ redis, keys, retry: { attempts: 3, baseDelayMs: 10 } });
});
afterEach(async () => {
  await laneQueues.close();
  redis.disconnect();
});

const serves = async (laneBoard: LaneBoard, lane: Lane) => (await laneBoard.survey()).lanes.has(lane);

const board = (depthMax = 100) => createLaneBoard({ redis, keys, laneQueues, depthMax });

const announce = (worker: string, ...served: [Lane, LaneMode][]) =>
  announceLanes(redis, keys, worker, new Map(served.map(([lane, mode]) => [lane, { mode, apis: [] }])));

const add = async (lane: Lane, options: JobsOptions = {}) => {
  const id = makeJobId();
  await laneQueues.open(lane).add(id, { v: 1, id, requestId: 'r' }, options);
  return id;
};

test('shows the lanes that workers have announced, and how many workers there are', async () => {
  await announce('one', ['openai', 'live'], ['sandbox', 'sandbox']);
  await announce('two', ['openai', 'live']);
  const survey = await board().survey();
  expect(survey.workers).toBe(2);
  expect(Object.fromEntries(survey.lanes)).toEqual({ openai: 'live', sandbox: 'sandbox' });
  expect(await serves(board(), 'openai')).toBe(true);
  expect(await serves(board(), 'anthropic')).toBe(false);
});

test('a lane stays known when its worker leaves: jobs are queued, not refused', async () => {
  await announce('one', ['openai', 'live']);
  await withdrawWorker(redis, keys, 'one');
  expect(await board().survey()).toMatchObject({ workers: 0 });
  expect(await serves(board(), 'openai')).toBe(true);
});

test('a worker that fell silent is not counted, a lane of more than a week ago not known', async () => {
  const now = Date.now();
  await redis.zadd(keys.workers, now - 16_000, 'silent', now - 1000, 'alive');
  await redis.zadd(keys.lanes, now - 8 * 24 * 3600 * 1000, 'openai', now - 6 * 24 * 3600 * 1000, 'anthropic');
  const survey = await board().survey();
  expect(survey.workers).toBe(1);
  expect([...survey.lanes.keys()]).toEqual(['anthropic']);
});

test('counts what waits and what is delayed, per lane', async () => {
  await add('openai');
  await add('openai');
  await add('openai', { delay: 60_000 });
  await add('sandbox');
  expect(await board().counts('openai')).toEqual({ waiting: 2, active: 0, delayed: 1 });
  expect(await board().counts('anthropic')).toEqual({ waiting: 0, active: 0, delayed: 0 });
});

test('refuses with lane_full at the depth, delayed jobs included, and on that lane only', async () => {
  await add('openai');
  await add('openai', { delay: 60_000 });
  await expect(board(2).checkDepth('openai')).rejects.toMatchObject({
    failure: { code: 'lane_full', retryAfterMs: 5000, detail: expect.stringContaining('openai') },
  });
  await expect(board(3).checkDepth('openai')).resolves.toBeUndefined();
  await expect(board(2).checkDepth('anthropic')).resolves.toBeUndefined();
});

describe('a position', () => {
  test('counts the jobs that are served before, by priority and then by age', async () => {
    const [second, third, first] = [
      await add('openai', { priority: 7 }),
      await add('openai', { priority: 7 }),
      await add('openai', { priority: 2 }),
    ];
    await add('sandbox', { priority: 1 });
    const positions = await Promise.all([first, second, third].map((id) => board().position('openai', id)));
    expect(positions).toEqual([0, 1, 2]);
  });

  test('is that of the order in which BullMQ hands jobs out', async () => {
    const ids = await Promise.all([5, 1, 3, 1, 5, 2].map((priority) => add('openai', { priority })));
    const ranked = await Promise.all(ids.map(async (id) => ({ id, position: await board().position('openai', id) })));
    const worker = new Worker('generation-openai', null, {
      connection: redis.duplicate({ maxRetriesPerRequest: null, enableOfflineQueue: true }),
      prefix: keys.queuePrefix,
      autorun: false,
    });
    const served: (string | undefined)[] = [];
    for (const _ of ids) served.push((await worker.getNextJob('token', { block: false }))?.id);
    await worker.close(true);
    expect(served).toEqual(ranked.sort((one, two) => Number(one.position) - Number(two.position)).map(({ id }) => id));
  });

  test('is none for a job that is delayed, is not there, or is in another lane', async () => {
    const [delayed, elsewhere] = [
      await add('openai', { delay: 60_000, priority: 1 }),
      await add('sandbox', { priority: 1 }),
    ];
    for (const id of [delayed, elsewhere, makeJobId()]) expect(await board().position('openai', id)).toBeNull();
  });
});

test('an eta is told once a lane has been seen to move, and says when those before are done', async () => {
  const one = board();
  expect(await one.etaMs('openai', 0)).toBeNull();
  const serve = defineScript(redis, `${lifecycleLua(keys)} for tag = 1, 10 do fair_serve('openai', tag, 5) end`);
  await serve([keys.fairClock('openai')], []);
  const eta = await waitFor(() => one.etaMs('openai', 0), { what: 'the board has an eta', timeoutMs: 5000 });
  // Ten were begun in little more than a second.
  expect(eta).toBeGreaterThan(90);
  expect(eta).toBeLessThan(1000);
  expect((await one.etaMs('openai', 9)) ?? 0).toBeGreaterThan(eta * 5);
  expect(await one.etaMs('sandbox', 0)).toBeNull();
});

test('reads once for all who ask within half a second, and again afterwards', async () => {
  const one = board();
  const first = one.survey();
  expect(one.survey()).toBe(first);
  expect((await first).lanes.size).toBe(0);
  await announce('one', ['openai', 'live']);
  await waitFor(() => serves(one, 'openai'), { what: 'the board is read again', timeoutMs: 2000 });
});

test('a failed reading is not kept', async () => {
  const one = board();
  redis.disconnect();
  await waitFor(() => redis.status === 'end', { what: 'the connection is gone' });
  await expect(one.survey()).rejects.toMatchObject({ failure: { code: 'dependency_down' } });
  await redis.connect();
  await announce('one', ['openai', 'live']);
  expect(await serves(one, 'openai')).toBe(true);
});
