// What GET /v1/jobs costs with many jobs: the same questions to a tenant of 1,000 jobs and to one of a million.
// usage: node scripts/run.mjs node bench/list-jobs.ts [jobs] [repeats]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { Redis } from 'ioredis';
import { createJobList, type JobFilter, type JobPaging } from '../packages/api/src/jobs/job-list.ts';
import { startPrivateRedis } from '../scripts/redis/start-private-redis.ts';

const [jobs = 1_000_000, repeats = 50] = process.argv.slice(2).map(Number);
const few = 1000;
const waiting = 100;
const batch = 2000;
const startMs = Date.now() - jobs;
const targets = ['openai/gpt-4o', 'anthropic/claude-sonnet-4-5'];

/** One job a millisecond of ten users; the newest hundred wait, one in seven of the others failed. Returns every id. */
async function fill(redis: Redis, keys: Keys, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < count; start += batch) {
    const pipeline = redis.pipeline();
    for (let index = start; index < Math.min(count, start + batch); index += 1) {
      const id = makeJobId();
      ids.push(id);
      const state = index >= count - waiting ? 'queued' : index % 7 === 0 ? 'failed' : 'completed';
      const [user, target = '', createdMs] = [`user-${index % 10}`, targets[index % 2], startMs + index];
      const rest = { request: 'r', clientRequest: 'c', metadata: '{}', maxAttempts: 3, attempt: 1 };
      const record = {
        v: '1',
        state,
        tenant: 'bench',
        user,
        endpoint: '/v1/generate',
        lane: 'openai',
        model: 'm',
        target,
      };
      pipeline.hset(keys.job(id), { ...record, ...rest, createdMs });
      pipeline.zadd(keys.jobIndex('bench', 'all'), createdMs, id);
      pipeline.zadd(keys.jobIndex('bench', 'user', user), createdMs, id);
      pipeline.zadd(keys.jobIndex('bench', 'model', target), createdMs, id);
      if (state === 'queued') pipeline.zadd(keys.jobIndex('bench', 'open'), createdMs, id);
      if (state === 'failed') pipeline.zadd(keys.jobIndex('bench', 'state', state), createdMs, id);
    }
    await pipeline.exec();
  }
  return ids;
}

interface Question {
  name: string;
  filter: JobFilter;
  limit?: number;
  /** Goes on from the job in the middle. */
  isDeep?: boolean;
}

const questions: Question[] = [
  { name: 'newest 20', filter: {} },
  { name: 'newest 100', filter: {}, limit: 100 },
  { name: '20 from the middle on', filter: {}, isDeep: true },
  { name: 'of a user', filter: { userId: 'user-7' } },
  { name: 'completed ones of a user', filter: { userId: 'user-7', status: 'completed' } },
  { name: 'queued', filter: { status: 'queued' } },
  { name: 'failed', filter: { status: 'failed' } },
  { name: 'completed, behind those that wait', filter: { status: 'completed' } },
  { name: 'failed of a model', filter: { status: 'failed', model: targets[0] ?? '' } },
  { name: 'nothing fits: 100,000 looks', filter: { endpoint: '/v1/none' } },
];

const msOf = (values: number[]) => {
  const sorted = [...values].sort((one, two) => one - two);
  return { p50: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
};

const dir = await mkdtemp(join(tmpdir(), 'llm-gateway-bench-'));
const server = await startPrivateRedis({ dir });
const redis = new Redis(server.url);
try {
  const tenants = [];
  for (const count of [few, jobs]) {
    const keys = createKeys(`bench-${count}`);
    const ids = await fill(redis, keys, count);
    tenants.push({
      list: createJobList({ redis, keys }),
      middle: { id: ids[Math.floor(count / 2)] ?? '', createdMs: startMs + Math.floor(count / 2) },
    });
  }
  await redis.config('RESETSTAT');

  for (const { name, filter, limit = 20, isDeep = false } of questions) {
    const times: number[][] = [[], []];
    for (let round = 0; round < repeats; round += 1) {
      for (const [which, { list, middle }] of tenants.entries()) {
        const before = performance.now();
        const after = isDeep ? middle : undefined;
        const paging: JobPaging = { limit, order: 'desc', after };
        await list.page('bench', filter, paging).catch((error: { failure?: object }) => {
          if (!error.failure) throw error;
        });
        times[which]?.push(performance.now() - before);
      }
    }
    const [small, large] = [msOf(times[0] ?? []), msOf(times[1] ?? [])];
    console.log(
      `${name}: p50 ${large.p50.toFixed(2)} ms, max ${large.max.toFixed(2)} ms with ${jobs} jobs; ` +
        `p50 ${small.p50.toFixed(2)} ms with ${few} (ratio ${(large.p50 / small.p50).toFixed(2)})`,
    );
  }
  // Means, because the longest of thousands is the machine's own business.
  for (const name of ['zrange', 'hmget']) {
    const line = (await redis.info('commandstats')).split('\n').find((one) => one.startsWith(`cmdstat_${name}:`));
    console.log(`Redis spends on one ${name} ${/usec_per_call=([\d.]+)/.exec(line ?? '')?.[1]} µs`);
  }
} finally {
  redis.disconnect();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
}
