import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import type { GenerationJob } from '@llm-gateway/shared/contracts/job';
import { parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { openProducer, type Producer } from '@llm-gateway/shared/queue/define-queue';
import { generationQueue } from '@llm-gateway/shared/queue/generation-queue';
import { connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createJobReader } from '../jobs/job-reader.ts';
import { createLaneAdder } from './add-to-lane.ts';
import { createAttacher } from './attach.ts';
import { createEnqueuer, type NewJob } from './enqueue.ts';

const keys = createKeys(`test-${randomUUID().slice(0, 18)}`);
const log = createLogger({ service: 'test', level: 'silent' });

let redis: Redis;
let producer: Producer<GenerationJob>;
beforeAll(async () => {
  redis = connectRedis({ url: inject('redisUrl'), name: 'enqueue-test', role: 'producer', log });
  await whenReady(redis);
  const contract = generationQueue('sandbox', { attempts: 3, baseDelayMs: 10 });
  producer = openProducer(contract, { connection: redis, prefix: keys.queuePrefix });
});
afterAll(async () => {
  await producer?.queue.close();
  redis?.disconnect();
});

const laneAdder = (queue: Pick<Producer<GenerationJob>, 'add'> = producer) =>
  createLaneAdder(new Map([['sandbox', { ...producer, ...queue }]]));

const enqueuer = (queue: Pick<Producer<GenerationJob>, 'add'> = producer) =>
  createEnqueuer({ redis, keys, addToLane: laneAdder(queue), instanceId: 'inst_1' });

const newJob = (changes: Partial<NewJob> = {}): NewJob => ({
  id: makeJobId(),
  lane: 'sandbox',
  requestId: 'req_1',
  fingerprint: randomUUID(),
  isWaitedFor: true,
  fields: {
    tenant: 'default',
    user: 'u1',
    endpoint: '/v1/generate',
    lane: 'sandbox',
    model: 'sandbox/echo',
    target: 'sandbox/echo',
    request: 'req_1',
    clientRequest: 'mine',
    generation: JSON.stringify({ messages: [{ role: 'user', text: 'hello' }] }),
    metadata: '{"a":"b"}',
    maxAttempts: '3',
  },
  ...changes,
});

const recordOf = async (id: string) => parseJobRecord(await redis.hgetall(keys.job(id)));

test('writes a record that can be read, a place in the queue, a waiter and the way back for a retry', async () => {
  const job = newJob();
  await enqueuer()(job);
  expect(await recordOf(job.id)).toEqual({
    v: '1',
    state: 'queued',
    attempt: 0,
    maxAttempts: 3,
    createdMs: expect.any(Number),
    tenant: 'default',
    user: 'u1',
    endpoint: '/v1/generate',
    lane: 'sandbox',
    model: 'sandbox/echo',
    target: 'sandbox/echo',
    request: 'req_1',
    clientRequest: 'mine',
    generation: { messages: [{ role: 'user', text: 'hello' }] },
    metadata: { a: 'b' },
  });
  expect(await redis.smembers(keys.waiters(job.id))).toEqual(['inst_1']);
  expect(await redis.get(keys.attach(job.fingerprint))).toBe(job.id);
  for (const key of [keys.job(job.id), keys.waiters(job.id), keys.attach(job.fingerprint)]) {
    expect(await redis.pttl(key), `${key} goes away by itself`).toBeGreaterThan(0);
  }
});

test('the queue carries ids and nothing else', async () => {
  const job = newJob();
  await enqueuer()(job);
  const queued = await producer.queue.getJob(job.id);
  expect(queued?.data).toEqual({ v: 1, id: job.id, requestId: 'req_1' });
  expect(queued?.opts).toMatchObject({ attempts: 3, jobId: job.id });
});

test('without a waiter none is registered', async () => {
  const job = newJob({ isWaitedFor: false });
  await enqueuer()(job);
  expect(await redis.exists(keys.waiters(job.id))).toBe(0);
});

test('a repeat changes nothing: one job in the queue, and a record that has moved on stays', async () => {
  const job = newJob();
  const enqueue = enqueuer();
  await enqueue(job);
  const before = await producer.queue.count();
  await redis.hset(keys.job(job.id), 'state', 'in_progress');
  await enqueue({ ...job, fields: { ...job.fields, user: 'somebody else' } });
  expect(await producer.queue.count()).toBe(before);
  expect(await recordOf(job.id)).toMatchObject({ state: 'in_progress', user: 'u1' });
});

test('when the queue refuses, the record is closed and no retry finds it', async () => {
  const job = newJob();
  const refusing = { add: () => Promise.reject(new Error('connection lost')) };
  await expect(enqueuer(refusing)(job)).rejects.toMatchObject({ failure: { code: 'dependency_down' } });
  await waitFor(async () => (await recordOf(job.id)) === undefined, { what: 'the record is gone' });
  expect(await redis.exists(keys.attach(job.fingerprint))).toBe(0);
});

test('when the queue does not answer in time, the request is refused and so is the job', async () => {
  const job = newJob();
  const silent = { add: () => new Promise<void>(() => undefined) };
  const thrown = await enqueuer(silent)(job).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(GatewayError);
  expect(thrown).toMatchObject({ failure: { code: 'dependency_down', retryAfterMs: 1000 } });
  await waitFor(async () => (await recordOf(job.id)) === undefined, { what: 'the record is gone' });
});

test('a job that a worker has begun although its add seemed to fail is left to it', async () => {
  const job = newJob();
  const late = {
    add: async () => {
      await redis.hset(keys.job(job.id), 'state', 'in_progress');
      throw new Error('reply lost');
    },
  };
  await expect(enqueuer(late)(job)).rejects.toThrow();
  await redis.ping(); // after the refusal, which went the same way
  expect(await recordOf(job.id)).toMatchObject({ state: 'in_progress' });
  expect(await redis.get(keys.attach(job.fingerprint))).toBe(job.id);
});

/** Carries every script out, and loses the reply of the first. */
function losingFirstReply(target: Redis): Redis {
  let isLost = false;
  const run =
    (name: 'eval' | 'evalsha') =>
    async (...given: Parameters<Redis['eval']>) => {
      const reply = await target[name](...given);
      if (isLost) return reply;
      isLost = true;
      throw new Error('Command timed out');
    };
  return new Proxy(target, {
    get: (_target, name) => (name === 'eval' || name === 'evalsha' ? run(name) : Reflect.get(target, name)),
  });
}

test('when it is unknown whether the record was written, the job is refused and no retry finds it', async () => {
  const job = newJob();
  const enqueue = createEnqueuer({
    redis: losingFirstReply(redis),
    keys,
    addToLane: laneAdder(),
    instanceId: 'inst_1',
  });
  await expect(enqueue(job)).rejects.toMatchObject({ failure: { code: 'dependency_down' } });
  await waitFor(async () => (await recordOf(job.id)) === undefined, { what: 'the record is gone' });
  expect(await redis.exists(keys.attach(job.fingerprint))).toBe(0);
  expect(await producer.queue.getJob(job.id)).toBeUndefined();
});

test('a retry of a request whose server died before it had queued the job, queues it', async () => {
  const job = newJob();
  await enqueuer()(job);
  await producer.queue.remove(job.id); // as it is after a crash between the record and the queue
  const attach = createAttacher({
    redis,
    keys,
    jobs: createJobReader(redis, keys),
    addToLane: laneAdder(),
  });
  const retry = { isRetry: true, fingerprint: job.fingerprint, tenantId: 'default' };
  expect(await attach(retry)).toBe(job.id);
  expect((await producer.queue.getJob(job.id))?.data).toEqual({ v: 1, id: job.id, requestId: 'req_1' });
});

test("a refused job does not take a newer one's way back along", async () => {
  const [refused, newer] = [newJob(), newJob()];
  const shared = { ...newer, fingerprint: refused.fingerprint };
  const overtaken = {
    add: async () => {
      await enqueuer()(shared);
      throw new Error('connection lost');
    },
  };
  await expect(enqueuer(overtaken)(refused)).rejects.toThrow();
  await waitFor(async () => (await recordOf(refused.id)) === undefined, { what: 'the record is gone' });
  expect(await redis.get(keys.attach(refused.fingerprint))).toBe(newer.id);
});
