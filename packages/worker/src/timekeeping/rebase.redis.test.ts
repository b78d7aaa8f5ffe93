import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import { describe, expect, test } from 'vitest';
import { createSettlement } from '../settlement/settlement.ts';
import { acceptJob } from '../test-job.ts';
import { busy, fakeProvider, hangs, openLaneBench } from '../test-lanes.ts';
import { createRebaser } from './rebase.ts';

const { redis, keys, laneQueues, queue, enqueue, serve, inState } = openLaneBench();

const clock = () => keys().fairClock('sandbox');
const rebase = (spanMax = 10) => createRebaser({ redis: redis(), keys: keys(), laneQueues: laneQueues(), spanMax })();

/** Accepts a job as the api does, with its place in the lane. */
async function arrive(share: string, priority: number) {
  const script = defineScript(
    redis(),
    `${lifecycleLua(keys())} return { fair_tag('sandbox', ARGV[1], tonumber(ARGV[2])) }`,
  );
  const [tag, queuePriority] = (await script([keys().due], [share, priority])) as [number, number];
  const id = await acceptJob(redis(), keys(), {
    tenant: share,
    priority: String(priority),
    tag: String(tag),
    queuePriority: String(queuePriority),
  });
  await enqueue(id, { priority: queuePriority });
  return id;
}

const idsInOrder = async () => (await queue().getJobs(['prioritized'], 0, -1, true)).map((job) => job.id ?? '');

const settlement = () => createSettlement({ redis: redis(), keys: keys(), cacheMaxBytes: 1_000_000 });

/** Lets virtual time run, as the first `count` jobs that wait are begun. */
async function begin(count: number) {
  for (const id of (await idsInOrder()).slice(0, count)) {
    await settlement().begin(id, 1, 'run-1');
    await queue().remove(id);
  }
}

const tagOf = async (id: string) => Number(await redis().hget(keys().job(id), 'tag'));

async function backlog() {
  for (let round = 0; round < 10; round += 1) {
    for (const [share, priority] of [
      ['acme', 5],
      ['b corp', 1],
      ['acme', 10],
      ['c', 5],
    ] as const) {
      await arrive(share, priority);
    }
  }
}

/** Every job that waits has the priority that its tag comes to from this base, in BullMQ and in its record. */
async function expectPlaced(base: number) {
  for (const job of await queue().getJobs(['prioritized', 'delayed'], 0, -1, true)) {
    const placed = Math.max(1, (await tagOf(job.id ?? '')) - base + 1);
    expect([job.priority, Number(await redis().hget(keys().job(job.id ?? ''), 'queuePriority'))]).toEqual([
      placed,
      placed,
    ]);
  }
}

describe('when virtual time has run far from its base', () => {
  test('the jobs that wait keep their order, with priorities from a new base', async () => {
    await backlog();
    await begin(15);
    const before = await idsInOrder();
    const now = Number(await redis().hget(clock(), 'now'));
    expect(now).toBeGreaterThan(10);
    await rebase();
    expect(Number(await redis().hget(clock(), 'base'))).toBe(now);
    expect(await idsInOrder()).toEqual(before);
    await expectPlaced(now);
  });

  test('jobs that come later find their place among them', async () => {
    await backlog();
    await begin(15);
    await rebase();
    for (const [share, priority] of [
      ['new', 1],
      ['newer', 5],
      ['acme', 5],
      ['b corp', 1],
    ] as const) {
      await arrive(share, priority);
    }
    const tags = await Promise.all((await idsInOrder()).map(tagOf));
    expect(tags).toEqual(tags.toSorted((one, other) => one - other));
  });

  test('a job that runs, and one between two attempts, come back to their places', async () => {
    const { provider } = fakeProvider(busy, hangs);
    serve(provider, { concurrency: 1 });
    const delayed = await arrive('b corp', 5);
    await inState(delayed, 'delayed');
    const running = await arrive('acme', 1);
    await inState(running, 'active');
    await backlog();
    await begin(25);
    await rebase();
    const base = Number(await redis().hget(clock(), 'base'));
    expect(base).toBeGreaterThan(10);
    await expectPlaced(base);
    const priorityOf = async (id: string) => (await queue().getJob(id))?.priority;
    expect([await priorityOf(running), await priorityOf(delayed)]).toEqual([
      1,
      Math.max(1, (await tagOf(delayed)) - base + 1),
    ]);
    await (await queue().getJob(delayed))?.promote();
    expect((await idsInOrder())[0]).toBe(delayed);
  });

  test('while it is near, nothing is done', async () => {
    await backlog();
    await begin(15);
    const before = await redis().hgetall(clock());
    await rebase(1_000_000);
    expect(await redis().hgetall(clock())).toEqual(before);
    await expectPlaced(0);
  });
});

describe('a move of the base', () => {
  const longAgo = () => String(Date.now() - 61_000);

  /** As a crash leaves it: the base has moved, and half of the jobs have their new priority. */
  async function crashed(rebasing: string) {
    await backlog();
    await begin(15);
    const before = await idsInOrder();
    const base = Number(await redis().hget(clock(), 'now'));
    await redis().hset(clock(), { base, rebasing });
    for (const id of before.slice(0, before.length / 2)) {
      const job = await queue().getJob(id);
      await job?.changePriority({ priority: Math.max(1, (await tagOf(id)) - base + 1) });
    }
    return { before, base };
  }

  test('that a crash cut short is finished by the next one', async () => {
    const { before, base } = await crashed(longAgo());
    expect(await idsInOrder()).toEqual(before);
    await rebase();
    expect(Number(await redis().hget(clock(), 'base'))).toBe(base);
    expect(await idsInOrder()).toEqual(before);
    await expectPlaced(base);
  });

  test('is left to who is at it', async () => {
    const { before } = await crashed(String(Date.now()));
    const priorities = async () =>
      (await queue().getJobs(['prioritized'], 0, -1, true)).map(({ priority }) => priority);
    const half = await priorities();
    await rebase();
    expect(await priorities()).toEqual(half);
    expect(await idsInOrder()).toEqual(before);
  });

  test('looks once more for a job that was being accepted meanwhile', async () => {
    await backlog();
    await begin(15);
    await rebase();
    const base = Number(await redis().hget(clock(), 'base'));
    const [first = ''] = await idsInOrder();
    const late = await acceptJob(redis(), keys(), { tag: String(base), queuePriority: '5000' });
    await enqueue(late, { priority: 5000 });
    expect((await idsInOrder())[0]).toBe(first);

    await redis().hset(clock(), 'rebasing', longAgo());
    await rebase();
    await expectPlaced(base);
    // And is over when there was none.
    await redis().hset(clock(), 'rebasing', longAgo());
    await rebase();
    expect(await redis().hget(clock(), 'rebasing')).toBeNull();
  });

  test('by several at once is one move', async () => {
    await backlog();
    await begin(15);
    const before = await idsInOrder();
    await Promise.all([rebase(), rebase(), rebase()]);
    expect(await idsInOrder()).toEqual(before);
    await expectPlaced(Number(await redis().hget(clock(), 'base')));
  });

  test('makes no record of a job whose record is gone', async () => {
    await backlog();
    await begin(15);
    const [first = ''] = await idsInOrder();
    await redis().del(keys().job(first));
    await rebase();
    expect(await redis().exists(keys().job(first))).toBe(0);
  });
});
