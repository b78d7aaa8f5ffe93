import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeJobId, timeOfId } from '@llm-gateway/shared/contracts/ids';
import type { GenerationJob } from '@llm-gateway/shared/contracts/job';
import { parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { openProducer, type Producer } from '@llm-gateway/shared/queue/define-queue';
import { generationQueue } from '@llm-gateway/shared/queue/generation-queue';
import { createLaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { createJobCommands } from '../jobs/job-commands.ts';
import { createJobReader } from '../jobs/job-reader.ts';
import { createRateLimiter } from '../limits/rate-limiter.ts';
import { newJob, policyOf } from '../test/new-job.ts';
import { createHand, failed } from '../test/settle-by-hand.ts';
import { createAccepter, type NewJob } from './accept.ts';
import { createAttacher } from './attach.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const retry = { attempts: 3, baseDelayMs: 10 };
const hour = 3_600_000;
// What nobody begins is given up after so long.
const week = 7 * 24 * hour;

let keys: Keys;
let redis: Redis;
let producer: Producer<GenerationJob>;
beforeEach(async () => {
  keys = createKeys(`test-${randomUUID().slice(0, 18)}`);
  redis = connectRedis({ url: inject('redisUrl'), name: 'accept-test', role: 'producer', log });
  await whenReady(redis);
  const contract = generationQueue('sandbox', retry);
  producer = openProducer(contract, { connection: redis, prefix: keys.queuePrefix });
});
afterEach(async () => {
  await producer?.queue.close();
  redis?.disconnect();
});

const lanes = (queue: Pick<Producer<GenerationJob>, 'add'> = producer) =>
  createLaneQueues({ redis, keys, retry, openLane: () => ({ ...producer, ...queue }) });

const accepter = (queue?: Pick<Producer<GenerationJob>, 'add'>, over = redis) =>
  createAccepter({
    redis: over,
    keys,
    laneQueues: lanes(queue),
    instanceId: 'inst_1',
    maxAttempts: 4,
    resultTtlMs: 60_000,
    graceMs: { continue: 30_000, cancel: 5000 },
  });

const keyed = (fingerprint: string = randomUUID()) => ({
  fingerprint,
  idempotency: { digest: randomUUID(), isStrict: false },
});

/** What makes jobs equal: the same answer would do for all of them. */
const sharing = () => ({ store: { digest: randomUUID(), ttlMs: 1000 }, isShareable: true });

const recordOf = async (id: string) => parseJobRecord(await redis.hgetall(keys.job(id)));

const used = async (userId = 'u1') => {
  const { rules } = policyOf(100, 1000, userId);
  const decision = await createRateLimiter({ redis, keyFor: keys.limit }).peek(rules);
  return decision.rules.map((state) => state.used);
};

const indexes = () => [
  keys.jobIndex('default', 'all'),
  keys.jobIndex('default', 'open'),
  keys.jobIndex('default', 'user', 'u1'),
  keys.jobIndex('default', 'model', 'sandbox/echo'),
];
const indexed = (id: string) => Promise.all(indexes().map((index) => redis.zscore(index, id)));

const place = async (id: string) => (await producer.queue.getJob(id))?.opts;

const isGone = (id: string) =>
  waitFor(async () => (await redis.exists(keys.job(id))) === 0, { what: 'the record is gone' });

const unreachable = { add: () => Promise.reject(new Error('connection lost')) };

describe('an accepted job', () => {
  test('has a record that can be read, indexes and the way back for a retry', async () => {
    const job = newJob();
    expect(await accepter()(job)).toMatchObject({ kind: 'accepted', id: job.id, rates: { admitted: true } });
    expect(await recordOf(job.id)).toEqual({
      v: '1',
      state: 'queued',
      attempt: 0,
      calls: 0,
      maxAttempts: 4,
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
      priority: 5,
      queuePriority: expect.any(Number),
      tag: expect.any(Number),
      resultTtlMs: 60_000,
      onDisconnect: 'continue',
      graceMs: 30_000,
      sequence: 0,
      chars: 0,
    });
    expect(await indexed(job.id)).toEqual(indexes().map(() => String(timeOfId(job.id))));
    expect(await redis.get(keys.attach(job.request.fingerprint))).toBe(job.id);
    for (const key of [keys.job(job.id), keys.readers(job.id), keys.attach(job.request.fingerprint)]) {
      expect(await redis.pttl(key), `${key} goes away by itself`).toBeGreaterThan(0);
    }
  });

  test('is read by this instance for the length of a lease, and is due when lease and grace are over', async () => {
    const job = newJob();
    await accepter()(job);
    const { createdMs = 0, graceMs = 0 } = (await recordOf(job.id)) ?? {};
    expect(await redis.zrange(keys.readers(job.id), 0, '-1', 'WITHSCORES')).toEqual([
      'inst_1',
      String(createdMs + 15_000),
    ]);
    expect(await redis.zscore(keys.due, job.id)).toBe(String(createdMs + 15_000 + graceMs));
  });

  test('travels as ids and nothing else, with the attempts and the priority of its record', async () => {
    const job = newJob();
    await accepter()(job);
    const queued = await producer.queue.getJob(job.id);
    expect(queued?.data).toEqual({ v: 3, id: job.id, requestId: 'req_1' });
    expect(queued?.opts).toMatchObject({
      attempts: 4,
      priority: (await recordOf(job.id))?.queuePriority,
      jobId: job.id,
    });
  });

  test('of a higher priority stands before those of a lower one, and those of one flow in their order', async () => {
    const accept = accepter();
    const [low, first, second] = [newJob({ queue: { priority: 10 } }), newJob(), newJob()];
    for (const job of [low, first, second]) await accept(job);
    const places = await Promise.all([first, second, low].map(async ({ id }) => (await place(id))?.priority ?? 0));
    expect(places).toEqual([...places].sort((left, right) => left - right));
    expect(new Set(places).size).toBe(3);
  });

  test('that nobody waits for has no reader and needs none', async () => {
    const job = newJob({ request: { isWaitedFor: false, isBackground: true } });
    await accepter()(job);
    const record = await recordOf(job.id);
    expect(record).not.toHaveProperty('graceMs');
    expect(await redis.exists(keys.readers(job.id))).toBe(0);
    expect(await redis.zscore(keys.due, job.id)).toBe(String((record?.createdMs ?? 0) + week));
  });

  test('that shall not outlive its client has the shorter grace', async () => {
    const job = newJob({ queue: { onDisconnect: 'cancel' } });
    await accepter()(job);
    expect(await recordOf(job.id)).toMatchObject({ onDisconnect: 'cancel', graceMs: 5000 });
  });

  test('keeps its times and is due at the nearest', async () => {
    const queue = { startDeadlineMs: 2 * hour, deadlineMs: 3 * hour, resultTtlMs: 90_000 };
    const job = newJob({ request: { isWaitedFor: false, isBackground: true }, queue });
    await accepter()(job);
    const { createdMs = 0, ...record } = (await recordOf(job.id)) ?? {};
    expect(record).toMatchObject({
      startDeadlineMs: createdMs + 2 * hour,
      deadlineMs: createdMs + 3 * hour,
      resultTtlMs: 90_000,
    });
    expect(await redis.zscore(keys.due, job.id)).toBe(String(createdMs + 2 * hour));
  });

  test('that begins later takes its place in the queue later', async () => {
    const request = { isBackground: true, isWaitedFor: false };
    const held = newJob({ request, queue: { isHeld: true } });
    const delayed = newJob({ request, queue: { delayMs: hour } });
    for (const job of [held, delayed]) await accepter()(job);
    const record = await recordOf(delayed.id);
    expect(record).toMatchObject({ state: 'queued', delayedUntilMs: (record?.createdMs ?? 0) + hour });
    expect(await redis.zscore(keys.due, delayed.id)).toBe(String(record?.delayedUntilMs));
    expect(await recordOf(held.id)).toMatchObject({ state: 'queued', held: true });
    for (const job of [held, delayed]) expect(await place(job.id)).toBeUndefined();
  });

  test('is counted once, and the refusal of the next one leaves no trace', async () => {
    const accept = accepter();
    const policy = policyOf(1, 10);
    await accept(newJob({ policy }));
    const refused = newJob({ policy, request: keyed() });
    await expect(accept(refused)).rejects.toMatchObject({ failure: { code: 'rate_limited' } });
    expect(await used()).toEqual([1, 1]);
    const { digest = '' } = refused.request.idempotency ?? {};
    const left = [keys.job(refused.id), keys.readers(refused.id), keys.idempotency(digest)];
    expect(await redis.exists(...left)).toBe(0);
    expect(await indexed(refused.id)).toEqual([null, null, null, null]);
  });
});

describe('a repeat of the command', () => {
  test('changes nothing and counts nothing: a record that has moved on stays', async () => {
    const job = newJob();
    const accept = accepter();
    const first = await accept(job);
    await redis.hset(keys.job(job.id), 'state', 'in_progress');
    const before = await redis.hgetall(keys.job(job.id));
    const changed = { ...job, request: { ...job.request, userId: 'somebody else' } };
    expect(await accept(changed)).toMatchObject({ kind: first.kind, id: first.id });
    expect(await redis.hgetall(keys.job(job.id))).toEqual(before);
    expect(await producer.queue.count()).toBe(1);
    expect([await used(), await used('somebody else')]).toEqual([
      [1, 1],
      [0, 0],
    ]);
  });

  test('under a key is the same job, and not one that the key is bound to', async () => {
    const job = newJob({ request: keyed() });
    const accept = accepter();
    await accept(job);
    expect(await accept(job)).toMatchObject({ kind: 'accepted', id: job.id });
  });

  test('of one that shares a call shares it once', async () => {
    const [leader, follower] = [newJob(sharing()), newJob()];
    const shared = { ...follower, store: leader.store, isShareable: true };
    const accept = accepter();
    await accept(leader);
    for (const _ of [1, 2]) expect(await accept(shared)).toMatchObject({ kind: 'followed', id: shared.id });
    expect(await redis.zrange(keys.followers(leader.id), 0, '-1')).toEqual([shared.id]);
    expect(await used()).toEqual([1, 1]);
  });

  test('of one with an answer from the cache ends it once', async () => {
    const answer = {
      text: 'kept',
      finishReason: { unified: 'stop', raw: 'stop' },
      usage: { promptTokens: 1, completionTokens: 1, totalTokens: 2 },
      usageSource: 'provider',
      providerModel: null,
      providerRequestId: null,
      costNanoUsd: '5',
      priceVersion: 'test',
    } as const;
    const hit = { answer, job: makeJobId(), state: 'completed', storedMs: 0 } as unknown as NonNullable<NewJob['hit']>;
    const job = newJob({ hit });
    const accept = accepter();
    expect(await accept(job)).toMatchObject({ kind: 'cached', id: job.id });
    const before = await redis.hgetall(keys.job(job.id));
    expect(before).toMatchObject({ state: 'completed', cached: '1', free: '1' });
    expect(await accept(job)).toMatchObject({ kind: 'cached', id: job.id });
    expect(await redis.hgetall(keys.job(job.id))).toEqual(before);
    expect(await used()).toEqual([0, 0]);
    expect(await producer.queue.count()).toBe(0);
  });
});

describe('when it is unknown whether the job was queued', () => {
  test('the acceptance is taken back: record, key, flight, indexes, reader and way back are gone', async () => {
    const job = newJob({ ...sharing(), request: keyed() });
    await expect(accepter(unreachable)(job)).rejects.toMatchObject({ failure: { code: 'dependency_down' } });
    await isGone(job.id);
    const { idempotency, fingerprint } = job.request;
    const left = [
      keys.attach(fingerprint),
      keys.idempotency(idempotency?.digest ?? ''),
      keys.flight(job.store?.digest ?? ''),
      keys.readers(job.id),
      keys.followers(job.id),
      keys.log(job.id),
    ];
    for (const key of left) expect(await redis.exists(key), key).toBe(0);
    expect(await indexed(job.id)).toEqual([null, null, null, null]);
    expect(await redis.zscore(keys.due, job.id)).toBeNull();
  });

  test('because the queue did not answer in time, the request is refused and so is the job', async () => {
    const job = newJob();
    const silent = { add: () => new Promise<void>(() => undefined) };
    const thrown = await accepter(silent)(job).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(GatewayError);
    expect(thrown).toMatchObject({ failure: { code: 'dependency_down', retryAfterMs: 1000 } });
    await isGone(job.id);
  });

  test('a job that a worker has begun all the same is left to it', async () => {
    const job = newJob({ request: keyed() });
    const late = {
      add: async () => {
        await createHand(redis, keys).begin(job.id);
        throw new Error('reply lost');
      },
    };
    await expect(accepter(late)(job)).rejects.toThrow();
    await redis.ping(); // after the refusal, which went the same way
    expect(await recordOf(job.id)).toMatchObject({ state: 'in_progress' });
    expect(await redis.get(keys.attach(job.request.fingerprint))).toBe(job.id);
    expect(await redis.exists(keys.idempotency(job.request.idempotency?.digest ?? ''))).toBe(1);
  });

  test("a refused job does not take a newer one's way back, key or flight along", async () => {
    const refused = newJob({ ...sharing(), request: keyed() });
    const { store, request } = refused;
    const overtaken = {
      add: async () => {
        // As after the end of the first one's record: what it had left is another job's now.
        const { idempotency, fingerprint } = request;
        await redis.hset(keys.idempotency(idempotency?.digest ?? ''), { job: 'job_newer', fingerprint });
        await redis.set(keys.flight(store?.digest ?? ''), 'job_newer');
        await redis.set(keys.attach(fingerprint), 'job_newer');
        throw new Error('connection lost');
      },
    };
    await expect(accepter(overtaken)(refused)).rejects.toThrow();
    await isGone(refused.id);
    expect(await redis.get(keys.attach(request.fingerprint))).toBe('job_newer');
    expect(await redis.hget(keys.idempotency(request.idempotency?.digest ?? ''), 'job')).toBe('job_newer');
    expect(await redis.get(keys.flight(store?.digest ?? ''))).toBe('job_newer');
  });

  test('those who had joined its call meanwhile get a leader of their own, with a place in the queue', async () => {
    const refused = newJob(sharing());
    const followers = [newJob(), newJob()].map((job) => ({ ...job, store: refused.store, isShareable: true }));
    const joined = {
      add: async () => {
        for (const follower of followers) await accepter()(follower);
        await producer.queue.remove(refused.id);
        throw new Error('connection lost');
      },
    };
    await expect(accepter(joined)(refused)).rejects.toThrow();
    await isGone(refused.id);
    const [heir = '', other = ''] = followers.map(({ id }) => id);
    await waitFor(() => place(heir), { what: 'the heir is queued' });
    expect(await recordOf(heir)).not.toHaveProperty('leader');
    expect(await recordOf(other)).toMatchObject({ leader: heir, state: 'queued' });
    expect(await redis.get(keys.flight(refused.store?.digest ?? ''))).toBe(heir);
    expect(await redis.zrange(keys.followers(heir), 0, '-1')).toEqual([other]);
    expect(await place(other)).toBeUndefined();
  });

  test('those who wait for it under its key are woken rather than left waiting', async () => {
    const refused = newJob({ request: keyed() });
    const heard: string[] = [];
    const other = redis.duplicate({ enableOfflineQueue: true });
    await other.subscribe(keys.wakeChannel('inst_2'));
    other.on('message', (_channel, id) => heard.push(id));
    const joined = {
      add: async () => {
        await redis.zadd(keys.readers(refused.id), Date.now() + 15_000, 'inst_2');
        throw new Error('connection lost');
      },
    };
    await expect(accepter(joined)(refused)).rejects.toThrow();
    await waitFor(() => heard.includes(refused.id), { what: 'they are woken' });
    other.disconnect();
  });
});

/** Carries every script out, and loses the reply of the first, after which `meanwhile` happens. */
function losingFirstReply(target: Redis, meanwhile: () => Promise<void> = async () => undefined): Redis {
  let isLost = false;
  const run =
    (name: 'eval' | 'evalsha') =>
    async (...given: Parameters<Redis['eval']>) => {
      const reply = await target[name](...given);
      if (isLost) return reply;
      isLost = true;
      await meanwhile();
      throw new Error('Command timed out');
    };
  return new Proxy(target, {
    get: (_target, name) => (name === 'eval' || name === 'evalsha' ? run(name) : Reflect.get(target, name)),
  });
}

describe('when it is unknown whether the record was written', () => {
  test('the job is refused and no retry finds it', async () => {
    const job = newJob({ request: keyed() });
    await expect(accepter(producer, losingFirstReply(redis))(job)).rejects.toMatchObject({
      failure: { code: 'dependency_down' },
    });
    await isGone(job.id);
    expect(await redis.exists(keys.attach(job.request.fingerprint))).toBe(0);
    expect(await redis.exists(keys.idempotency(job.request.idempotency?.digest ?? ''))).toBe(0);
    expect(await producer.queue.getJob(job.id)).toBeUndefined();
  });

  test.for(['queued', 'in_progress'] as const)(
    'one that shares a %s call leaves it, so that its leader can end',
    async (state) => {
      const leader = newJob(sharing());
      const follower = { ...newJob(), store: leader.store, isShareable: true };
      const hand = createHand(redis, keys);
      await accepter()(leader);
      if (state === 'in_progress') await hand.begin(leader.id);
      await expect(accepter(producer, losingFirstReply(redis))(follower)).rejects.toThrow();
      await isGone(follower.id);
      expect(await redis.exists(keys.followers(leader.id))).toBe(0);
      await hand.settle(leader.id, failed({ code: 'provider_refused', detail: 'no' }));
      expect(await recordOf(leader.id)).toMatchObject({ state: 'failed' });
      expect(await redis.exists(keys.job(follower.id))).toBe(0);
    },
  );

  test('one that was the last to want the answer of a leader that has left tells its call to stop', async () => {
    const leader = newJob(sharing());
    const follower = { ...newJob(), store: leader.store, isShareable: true };
    await accepter()(leader);
    await createHand(redis, keys).begin(leader.id);
    const leaves = losingFirstReply(redis, async () => {
      await redis.hset(keys.job(leader.id), { run: 'run-1' });
      await createJobCommands({ redis, keys, laneQueues: lanes() }).cancel(leader.id, 'sandbox');
    });
    await expect(accepter(producer, leaves)(follower)).rejects.toThrow();
    await isGone(follower.id);
    expect(await recordOf(leader.id)).toMatchObject({ state: 'cancelled', detached: true, stop: 'cancel' });
  });
});

describe('a job whose server died before it had queued it', () => {
  const attach = () => createAttacher({ redis, keys, jobs: createJobReader(redis, keys), laneQueues: lanes() });

  test('is queued by a retry of its request, as it was', async () => {
    const job = newJob();
    await accepter()(job);
    const before = await place(job.id);
    await producer.queue.remove(job.id); // as it is after a crash between the record and the queue
    const { fingerprint } = job.request;
    expect(await attach()({ isRetry: true, fingerprint, tenantId: 'default' })).toBe(job.id);
    expect((await producer.queue.getJob(job.id))?.data).toEqual({ v: 3, id: job.id, requestId: 'req_1' });
    expect(await place(job.id)).toEqual(before);
  });

  test('is queued by the next one that joins its call', async () => {
    const leader = newJob(sharing());
    const accept = accepter();
    await accept(leader);
    await producer.queue.remove(leader.id);
    await accept({ ...newJob(), store: leader.store, isShareable: true });
    expect(await place(leader.id)).toMatchObject({ attempts: 4 });
  });

  test('is left to the keeper of time, should the queue be away just then', async () => {
    const leader = newJob(sharing());
    const follower = { ...newJob(), store: leader.store, isShareable: true };
    await accepter()(leader);
    await producer.queue.remove(leader.id);
    expect(await accepter(unreachable)(follower)).toMatchObject({ kind: 'followed' });
    expect(await place(leader.id)).toBeUndefined();
    expect(await redis.zrange(keys.unqueued, 0, '-1')).toEqual([leader.id]);
  });
});
