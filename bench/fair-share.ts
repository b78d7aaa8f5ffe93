// What fair shares cost Redis per job (docs/decisions/0005): the two steps of fair.lua, and BullMQ with and without priorities.
// usage: node scripts/run.mjs node bench/fair-share.ts [jobs] [backlog]
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { openProducer, openWorker } from '@llm-gateway/shared/queue/define-queue';
import { generationQueue } from '@llm-gateway/shared/queue/generation-queue';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import { Redis } from 'ioredis';
import { startPrivateRedis } from '../scripts/redis/start-private-redis.ts';

const [jobs = 20_000, backlog = 10_000] = process.argv.slice(2).map(Number);
const atOnce = 50;

const dir = await mkdtemp(join(tmpdir(), 'bench-fair-share-'));
const server = await startPrivateRedis({ dir, legs: ['path', 'debs'] });
const redis = new Redis(server.url, { maxRetriesPerRequest: null });
const keys = createKeys('bench');

/** What the scripts that `act` runs cost Redis, in µs each time. */
async function costOf(times: number, act: (index: number) => Promise<unknown>): Promise<number> {
  await redis.config('RESETSTAT');
  for (let start = 0; start < times; start += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, (_, index) => act(start + index)));
  }
  return (await scriptsUs()) / times;
}

async function scriptsUs(): Promise<number> {
  return Number(/cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
}

async function fairSteps(tenants: number): Promise<object> {
  const script = (body: string) => defineScript(redis, `${lifecycleLua(keys)} ${body}`);
  const nothing = script('return 0');
  const tag = script(
    "local tag, priority = fair_tag('sandbox', ARGV[1], 5) redis.call('HSET', KEYS[1], 'tag', tag, 'queuePriority', priority) return 0",
  );
  const serve = script("fair_serve('sandbox', tonumber(ARGV[1]), 5) return 0");
  const record = keys.job('job');
  await redis.flushall();
  for (const warm of [nothing, tag, serve]) await warm([record], ['1']);
  const base = await costOf(jobs, () => nothing([record], []));
  const tagUs = (await costOf(jobs, (index) => tag([record], [`tenant ${index % tenants}`]))) - base;
  const serveUs = (await costOf(jobs, (index) => serve([record], [index]))) - base;
  return { what: `fair.lua, ${tenants} tenants`, in_us: tagUs.toFixed(1), out_us: serveUs.toFixed(1) };
}

async function bullmq(isPrioritized: boolean): Promise<object> {
  await redis.flushall();
  const connection = { connection: redis, prefix: keys.queuePrefix };
  const contract = generationQueue('sandbox', { attempts: 3, baseDelayMs: 1000 });
  const { queue, add: addJob } = openProducer(contract, connection);
  const add = (index: number) => {
    const id = `job_${index}`;
    return addJob(id, { v: 1, id, requestId: 'req_1' }, isPrioritized ? { priority: index + 1 } : {});
  };
  await costOf(backlog, add);
  const inUs = await costOf(jobs, (index) => add(backlog + index));
  const done = Promise.withResolvers<void>();
  let served = 0;
  await redis.config('RESETSTAT');
  const worker = openWorker(
    contract,
    { ...connection, concurrency: 20 },
    async () => {
      served += 1;
      if (served === jobs) done.resolve();
    },
    async () => {
      throw new Error('unreadable');
    },
  );
  await done.promise;
  const outUs = (await scriptsUs()) / served;
  await worker.close();
  await queue.close();
  const what = `BullMQ ${isPrioritized ? 'with' : 'without'} priorities`;
  return { what, in_us: inUs.toFixed(1), out_us: outUs.toFixed(1) };
}

const rows: object[] = [];
for (const tenants of [1, 100, 10_000]) rows.push(await fairSteps(tenants));
for (const isPrioritized of [false, true]) rows.push(await bullmq(isPrioritized));
console.table(rows);

redis.disconnect();
await once(redis, 'end');
await server.stop();
await rm(dir, { recursive: true });
