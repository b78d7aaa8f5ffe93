import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { createJobList, type JobFilter, type JobList } from './job-list.ts';
import { type JobStatus, jobStatuses, statusOf } from './job-view.ts';

let redis: Redis;
let keys: Keys;
let list: JobList;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
afterAll(() => redis.quit());
beforeEach(() => {
  keys = createKeys(`test-${randomUUID().slice(0, 18)}`);
  list = createJobList({ redis, keys });
});

interface Kept {
  id: string;
  createdMs: number;
  status: JobStatus;
  user: string;
  target: string;
  endpoint: string;
  tenant: string;
  isExpired: boolean;
}

const startMs = Date.now() - 1_000_000;

const keep = (job: Partial<Kept> = {}): Kept => ({
  id: makeJobId(),
  createdMs: startMs,
  status: 'queued',
  user: 'ann',
  target: 'openai/gpt-4o',
  endpoint: '/v1/generate',
  tenant: 'default',
  isExpired: false,
  ...job,
});

/** Writes records and lists as acceptance and the end of a job do. */
async function write(jobs: readonly Kept[]): Promise<void> {
  const pipeline = redis.pipeline();
  for (const { id, createdMs, status, user, target, endpoint, tenant, isExpired } of jobs) {
    const state = status === 'cancelling' ? 'in_progress' : status;
    pipeline.hset(keys.job(id), {
      v: '1',
      state,
      tenant,
      user,
      endpoint,
      lane: 'openai',
      model: target,
      target,
      request: 'r',
      clientRequest: 'c',
      generation: '{"messages":[]}',
      metadata: '{}',
      maxAttempts: 3,
      attempt: 0,
      createdMs,
      ...(status === 'cancelling' ? { stop: 'cancel' } : {}),
      ...(isFinal(state) ? { finishedMs: createdMs, expiresMs: isExpired ? startMs : Date.now() + 60_000 } : {}),
    });
    const indexes = [
      keys.jobIndex(tenant, 'all'),
      keys.jobIndex(tenant, 'user', user),
      keys.jobIndex(tenant, 'model', target),
      ...(isFinal(state) ? [] : [keys.jobIndex(tenant, 'open')]),
      ...(isFinal(state) && state !== 'completed' ? [keys.jobIndex(tenant, 'state', state)] : []),
    ];
    for (const index of indexes) pipeline.zadd(index, createdMs, id);
  }
  await pipeline.exec();
}

/** The whole list, as plain code has it. */
function modelOf(jobs: readonly Kept[], filter: JobFilter, order: 'asc' | 'desc'): string[] {
  const { status, userId, model, endpoint, createdAfterMs = 0, createdBeforeMs = Number.MAX_VALUE } = filter;
  const sorted = jobs
    .filter((job) => job.tenant === 'default' && !(job.isExpired && isFinal(job.status as 'failed')))
    .filter((job) => status === undefined || job.status === status)
    .filter((job) => userId === undefined || job.user === userId)
    .filter((job) => model === undefined || job.target === model)
    .filter((job) => endpoint === undefined || job.endpoint === endpoint)
    .filter((job) => job.createdMs > createdAfterMs && job.createdMs < createdBeforeMs)
    .sort((one, two) => one.createdMs - two.createdMs || (one.id < two.id ? -1 : 1))
    .map(({ id }) => id);
  return order === 'asc' ? sorted : sorted.reverse();
}

/** Where a job was put; ids of these tests are all of one time. */
const placeOf = async (id: string) => ({ id, createdMs: Number(await redis.hget(keys.job(id), 'createdMs')) });

async function walk(filter: JobFilter, order: 'asc' | 'desc', limit: number, cursor: 'after' | 'before') {
  const pages: string[][] = [];
  for (let from: string | undefined; ; ) {
    const place = from === undefined ? undefined : await placeOf(from);
    const { jobs, hasMore } = await list.page('default', filter, { limit, order, [cursor]: place });
    const ids = jobs.map(({ id }) => id);
    if (hasMore) expect(ids).toHaveLength(limit);
    pages.push(ids);
    if (!hasMore) return cursor === 'after' ? pages.flat() : pages.reverse().flat();
    from = cursor === 'after' ? ids.at(-1) : ids[0];
  }
}

const statuses = fc.constantFrom(...jobStatuses);
const users = fc.constantFrom('ann', 'bob', 'zoë/%20:*');
const targets = fc.constantFrom('openai/gpt-4o', 'sandbox/echo');
const endpoints = fc.constantFrom('/v1/generate', '/v1/messages');
const times = fc.integer({ min: 0, max: 12 }).map((ms) => startMs + ms);

const someJobs = fc.array(
  fc.record({
    createdMs: times,
    status: statuses,
    user: users,
    target: targets,
    endpoint: endpoints,
    tenant: fc.constantFrom('default', 'default', 'default', 'foreign'),
    isExpired: fc.constantFrom(false, false, true),
  }),
  { maxLength: 60 },
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const someFilter: fc.Arbitrary<JobFilter> = fc.record({
  status: maybe(statuses),
  userId: maybe(users),
  model: maybe(targets),
  endpoint: maybe(endpoints),
  createdAfterMs: maybe(times),
  createdBeforeMs: maybe(times),
});

test('any jobs under any filter, page by page, forwards and backwards, are what plain code finds', async () => {
  await fc.assert(
    fc.asyncProperty(
      someJobs,
      fc.array(someFilter, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('asc', 'desc'),
      fc.integer({ min: 1, max: 25 }),
      async (some, filters, order, limit) => {
        keys = createKeys(`test-${randomUUID().slice(0, 18)}`);
        list = createJobList({ redis, keys });
        const jobs = some.map(keep);
        await write(jobs);
        for (const filter of filters) {
          const expected = modelOf(jobs, filter, order);
          expect(await walk(filter, order, limit, 'after')).toEqual(expected);
          const { jobs: all } = await list.page('default', filter, { limit: 100, order });
          expect(all.map(({ id }) => id)).toEqual(expected);
          for (const { record } of all) expect(jobStatuses).toContain(statusOf(record));
        }
      },
    ),
    { numRuns: 60 },
  );
});

describe('backwards', () => {
  test('the page before a job, in the same order', async () => {
    const jobs = Array.from({ length: 7 }, (_, index) => keep({ createdMs: startMs + index }));
    await write(jobs);
    const [a, b, c, d, e] = jobs.map(({ id }) => id);
    const page = async (order: 'asc' | 'desc', before: string | undefined) => {
      const place = await placeOf(before ?? '');
      const { jobs: found, hasMore } = await list.page('default', {}, { limit: 2, order, before: place });
      return { ids: found.map(({ id }) => id), hasMore };
    };
    expect(await page('asc', e)).toEqual({ ids: [c, d], hasMore: true });
    expect(await page('asc', c)).toEqual({ ids: [a, b], hasMore: false });
    expect(await page('asc', b)).toEqual({ ids: [a], hasMore: false });
    expect(await page('desc', a)).toEqual({ ids: [c, b], hasMore: true });
  });
});

describe('the walk', () => {
  test('passes more jobs of one millisecond than it reads at once', async () => {
    const jobs = Array.from({ length: 1300 }, () => keep());
    await write(jobs);
    for (const order of ['asc', 'desc'] as const) {
      expect(await walk({}, order, 100, 'after')).toEqual(modelOf(jobs, {}, order));
    }
  });

  test('finds the few that fit among many that do not', async () => {
    const jobs = Array.from({ length: 3000 }, (_, index) =>
      keep({ createdMs: startMs + index, status: index % 700 === 0 ? 'cancelling' : 'in_progress' }),
    );
    await write(jobs);
    const filter = { status: 'cancelling' } as const;
    expect(await walk(filter, 'desc', 2, 'after')).toEqual(modelOf(jobs, filter, 'desc'));
  });

  test('that would never end says where to go on, instead of an empty page', async () => {
    const jobs = Array.from({ length: 2000 }, (_, index) =>
      keep({ createdMs: startMs + index, endpoint: index === 0 ? '/v1/messages' : '/v1/generate' }),
    );
    await write(jobs);
    const bounded = createJobList({ redis, keys, looksMax: 600 });
    const filter: JobFilter = { endpoint: '/v1/messages' };
    const looks: number[] = [];
    for (;;) {
      const found = await bounded.page('default', filter, { limit: 20, order: 'desc' }).catch((error) => error.failure);
      if ('jobs' in found) {
        expect(found).toMatchObject({ jobs: [{ id: jobs[0]?.id }], hasMore: false });
        break;
      }
      expect(found).toMatchObject({ code: 'invalid_request', field: 'created_before' });
      filter.createdBeforeMs = Date.parse(/go on with (.*)$/.exec(found.detail)?.[1] ?? '');
      looks.push(filter.createdBeforeMs - startMs);
    }
    expect(looks.length).toBeGreaterThan(1);
    expect(looks).toEqual([...looks].sort((one, two) => two - one));
  });

  test('gives what it has found when it has looked at enough, and says that there may be more', async () => {
    const jobs = Array.from({ length: 2000 }, (_, index) =>
      keep({ createdMs: startMs + index, endpoint: index === 1990 ? '/v1/messages' : '/v1/generate' }),
    );
    await write(jobs);
    const bounded = createJobList({ redis, keys, looksMax: 100 });
    const page = await bounded.page('default', { endpoint: '/v1/messages' }, { limit: 20, order: 'desc' });
    expect(page).toMatchObject({ jobs: [{ id: jobs[1990]?.id }], hasMore: true });
  });

  test('skips what stands in the list without a record', async () => {
    const jobs = [keep(), keep({ createdMs: startMs + 1 }), keep({ createdMs: startMs + 2 })];
    await write(jobs);
    await redis.del(keys.job(jobs[1]?.id ?? ''));
    expect(await walk({}, 'asc', 1, 'after')).toEqual([jobs[0]?.id, jobs[2]?.id]);
  });
});

test('what was asked is not read', async () => {
  await write([keep()]);
  const { jobs } = await list.page('default', {}, { limit: 1, order: 'desc' });
  expect(jobs[0]?.record).not.toHaveProperty('generation');
});

test('a job that follows another one shows what that one has given out so far', async () => {
  const [leader, follower] = [keep({ status: 'in_progress' }), keep({ status: 'in_progress', createdMs: startMs + 1 })];
  await write([leader, follower]);
  await redis.hset(keys.job(leader.id), { sequence: 7, chars: 99 });
  await redis.hset(keys.job(follower.id), { leader: leader.id });
  const { jobs } = await list.page('default', {}, { limit: 1, order: 'desc' });
  expect(jobs[0]).toMatchObject({ id: follower.id, record: { sequence: 7, chars: 99 } });
});
