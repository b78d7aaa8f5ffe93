import { acceptedRecord } from '../test/accepted-record.ts';
import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { defineScript, type RunScript } from '@llm-gateway/shared/redis/define-script';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { createJobReader } from '../jobs/job-reader.ts';
import { answered, createHand, failed, type Hand } from '../test/settle-by-hand.ts';
import { type Frame, nativeTranslator } from './event-frames.ts';
import { EventStream, type EventStreamDeps } from './event-stream.ts';
import { createLogFeed, type LogFeed, type LogListener } from './log-feed.ts';
import { createLogReader } from './log-reader.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const keys = createKeys(`test-${randomUUID().slice(0, 18)}`);
const never = 2 ** 30;

let redis: Redis;
let subscriber: Redis;
let feed: LogFeed;
let deps: EventStreamDeps;
let hand: Hand;
let appendScript: RunScript;
beforeAll(async () => {
  const connect = (role: 'producer' | 'subscriber') =>
    connectRedis({ url: inject('redisUrl'), name: `events-${role}`, role, log });
  [redis, subscriber] = [connect('producer'), connect('subscriber')];
  await Promise.all([whenReady(redis), whenReady(subscriber)]);
  feed = createLogFeed({ redis, subscriber, keys, sweepMs: never });
  deps = { jobs: createJobReader(redis, keys), log: createLogReader(redis, keys), feed };
  hand = createHand(redis, keys);
  appendScript = defineScript(redis, `${lifecycleLua(keys)} log_append(ARGV[1], { unpack(ARGV, 2) }, clock_ms())`);
});
afterAll(() => {
  feed?.close();
  for (const connection of [redis, subscriber]) connection?.disconnect();
});

async function accept(fields: Record<string, string> = {}): Promise<string> {
  const id = makeJobId();
  await redis.hset(keys.job(id), { ...acceptedRecord(), state: 'in_progress', attempt: '1', ...fields });
  await redis.pexpire(keys.job(id), 3_600_000);
  return id;
}

const append = (id: string, ...events: JobEvent[]) =>
  appendScript([keys.job(id)], [id, ...events.map((event) => JSON.stringify(event))]);
const delta = (text: string): JobEvent => ({ type: 'text-delta', text });

interface Reader {
  stream: EventStream;
  frames: Frame[];
  /** From now on the reader is full after each frame. */
  block(): void;
  unblock(): void;
  isEnded(): boolean;
}

/** A reader of a job's events, from where it is on. */
async function follow(id: string, after = -1, through: EventStreamDeps = deps): Promise<Reader> {
  const frames: Frame[] = [];
  let isFull = false;
  let ended = false;
  const record = await through.jobs.find('default', id);
  if (!record) throw new Error(`there is no ${id}`);
  const stream = new EventStream(
    {
      tenantId: 'default',
      id,
      record,
      after,
      translator: nativeTranslator(id, () => undefined),
      write(frame) {
        frames.push(frame);
        return !isFull;
      },
      onEnd() {
        ended = true;
      },
      onLost() {
        ended = true;
      },
    },
    through,
  );
  onTestFinished(() => stream.close());
  stream.open();
  return {
    stream,
    frames,
    block() {
      isFull = true;
    },
    unblock() {
      isFull = false;
      stream.resume();
    },
    isEnded: () => ended,
  };
}

const has = (reader: Reader, count: number) =>
  waitFor(() => reader.frames.length >= count, { what: `${count} frames`, intervalMs: 2 });
/** The end of a job is told by its waiter; here by the test. */
async function endOf(reader: Reader): Promise<string[]> {
  reader.stream.lookAnew();
  await waitFor(reader.isEnded, { what: 'the stream ends', intervalMs: 2 });
  return reader.frames.map(({ text }) => text);
}

const texts = (reader: Reader) => reader.frames.map(({ text }) => text);

describe('a stream', () => {
  test('hears what is written, as it is written', async () => {
    const id = await accept();
    const reader = await follow(id);
    await waitFor(() => feed.size() > 0, { what: 'it follows', intervalMs: 2 });
    await append(id, delta('a'), delta('b'));
    await has(reader, 3);
    await append(id, delta('c'));
    await has(reader, 4);
    expect(reader.frames.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
  });

  test('finds what was lost on the way by the number of what comes next', async () => {
    const id = await accept();
    const lossy = losing(feed, (number) => number === 0);
    const reader = await follow(id, -1, { ...deps, feed: lossy });
    await waitFor(() => lossy.size() > 0, { what: 'it follows', intervalMs: 2 });
    await append(id, delta('lost'));
    await append(id, delta('heard'));
    await has(reader, 3);
    expect(texts(reader).join('')).toMatch(/lost[\s\S]*heard/);
  });

  test('and, if nothing comes any more, by the sweep', async () => {
    const sweeping = createLogFeed({ redis, subscriber, keys, sweepMs: 50 });
    onTestFinished(() => sweeping.close());
    const lossy = losing(sweeping, () => true);
    const id = await accept();
    const reader = await follow(id, -1, { ...deps, feed: lossy });
    await waitFor(() => lossy.size() > 0, { what: 'it follows', intervalMs: 2 });
    await append(id, delta('lost'));
    await has(reader, 2);
    await hand.settle(id, answered('lost'));
    await waitFor(reader.isEnded, { what: 'the stream ends' });
  });

  test('a reader that is full is written nothing, and finds the rest in the log when it has caught up', async () => {
    const id = await accept();
    const reader = await follow(id);
    await has(reader, 1);
    reader.block();
    await append(id, ...Array.from({ length: 500 }, (_, index) => delta(`${index} `)));
    // The frame that filled it is the last one.
    await has(reader, 2);
    await hand.settle(id, failed({ code: 'provider_busy', detail: 'x' }));
    reader.stream.lookAnew();
    expect(reader.frames).toHaveLength(2);
    reader.unblock();
    const all = await endOf(reader);
    expect(all).toHaveLength(502);
    expect(reader.frames.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 502 }, (_, index) => index));
  });

  test('passes over an entry that it cannot read: a newer version may have written it', async () => {
    const id = await accept();
    const reader = await follow(id);
    await waitFor(() => feed.size() > 0, { what: 'it follows', intervalMs: 2 });
    await append(id, delta('before'));
    await appendScript([keys.job(id)], [id, '{"type":"from-the-future"}', 'nonsense']);
    await append(id, delta('after'));
    await has(reader, 3);
    await hand.settle(id, answered('beforeafter'));
    await endOf(reader);
    expect(reader.frames.map(({ sequence }) => sequence)).toEqual([0, 1, 4, 5, 6]);
  });

  test('of a job whose log has gone with another one tells its answer as a whole', async () => {
    const leader = await accept();
    await append(leader, delta('Hello '), delta('world'));
    const id = await accept({ leader });
    await redis.zadd(keys.followers(leader), 1, id);
    await hand.settle(leader, answered('Hello world'));
    await redis.del(keys.job(leader), keys.log(leader));
    const reader = await follow(id);
    const all = await endOf(reader);
    expect(all[1]).toContain('event: job.snapshot');
    expect(all[1]).toContain('Hello world');
    expect(all.at(-1)).toContain('event: job.completed');
  });

  test('of a job that shares a call ends where its own job ended, though the log goes on', async () => {
    const leader = await accept();
    const id = await accept({ leader });
    await redis.zadd(keys.followers(leader), 1, id);
    await append(leader, delta('seen'));
    const reader = await follow(id);
    await has(reader, 2);
    await hand.settle(id, { state: 'cancelled', failure: { code: 'job_cancelled', detail: 'The job was cancelled.' } });
    await append(leader, delta('not any more'));
    const all = await endOf(reader);
    expect(all.join('')).not.toContain('not any more');
    expect(reader.frames.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
  });
});

const event: fc.Arbitrary<JobEvent> = fc.oneof(
  { weight: 5, arbitrary: fc.string({ minLength: 1, maxLength: 20 }).map(delta) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('retrying' as const),
      attempt: fc.constant(2),
      afterMs: fc.constant(5),
      reason: fc.constant('provider_busy'),
      reset: fc.boolean(),
    }),
  },
);

type Step = { kind: 'write'; events: JobEvent[] } | { kind: 'block' | 'unblock' | 'cut' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(event, { minLength: 1, maxLength: 4 }).map((events) => ({ kind: 'write' as const, events })),
  },
  { weight: 1, arbitrary: fc.constantFrom('block', 'unblock', 'cut').map((kind) => ({ kind }) as Step) },
);

test('whatever is lost, however slow the reader, wherever it is cut: it gets every event once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.infiniteStream(fc.nat(3)), async (steps, dice) => {
      const id = await accept();
      const lossy = losing(feed, () => dice.next().value === 0);
      const through = { ...deps, feed: lossy };
      const taken: Frame[] = [];
      let reader = await follow(id, -1, through);
      for (const one of steps) {
        if (one.kind === 'write') await append(id, ...one.events);
        if (one.kind === 'block') reader.block();
        if (one.kind === 'unblock') reader.unblock();
        if (one.kind === 'cut') {
          reader.stream.close();
          taken.push(...reader.frames);
          reader = await follow(id, taken.at(-1)?.sequence ?? -1, through);
        }
      }
      await hand.settle(id, answered('done'));
      reader.unblock();
      await endOf(reader);
      const cut = [...taken, ...reader.frames].map(({ text }) => text);
      const whole = await endOf(await follow(id));
      expect(cut).toEqual(whole);
      const written = steps.reduce((sum, one) => sum + (one.kind === 'write' ? one.events.length : 0), 0);
      // Its acceptance, its usage and its end are told besides.
      expect(whole).toHaveLength(written + 3);
    }),
    { numRuns: 40 },
  );
}, 60_000);

/** The feed, but for messages that the test lets go astray. */
function losing(real: LogFeed, isLost: (number: number) => boolean): LogFeed {
  const wrapped = new Map<LogListener, LogListener>();
  let number = 0;
  return {
    ...real,
    follow(logId, listener) {
      const deaf: LogListener = {
        jobId: listener.jobId,
        get cursor() {
          return listener.cursor;
        },
        hear: (notice) => (isLost(number++) ? undefined : listener.hear(notice)),
        lookAnew: () => listener.lookAnew(),
      };
      wrapped.set(listener, deaf);
      return real.follow(logId, deaf);
    },
    unfollow(logId, listener) {
      const deaf = wrapped.get(listener);
      if (deaf) real.unfollow(logId, deaf);
    },
  };
}
