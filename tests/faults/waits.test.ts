import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import { openStream, streamGenerate } from '@llm-gateway/testkit/event-stream-client';
import { createRandom, type Random } from '@llm-gateway/testkit/random';
import { type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startPrivateRedis } from '../../scripts/redis/start-private-redis.ts';
import type { PrivateServer } from '../../scripts/servers/private-server.ts';
import { type FaultLog, harm } from './chaos/fault-loop.ts';
import { readJobs, type StoredJob } from './chaos/oracle.ts';

// CHAOS_SEED repeats a story; WAITS_COUNT tells a longer one.
const seed = Number(process.env.CHAOS_SEED ?? randomInt(2 ** 31));
const waitCount = Number(process.env.WAITS_COUNT ?? 5000);
const atOnce = 100;
const syncWaitMs = 5000;
// A wait's own end, a frozen process (2.5 s) and a worker's lost lock (3 s) on top of each other: what takes longer hangs.
const patienceMs = 20_000;

let dir: string;
let server: PrivateServer;
let redis: Redis;
let gateway: Gateway;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llm-gateway-waits-'));
  server = await startPrivateRedis({ dir });
  redis = new Redis(server.url);
  gateway = await startGateway({
    redisUrl: server.url,
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 2,
    environment: {
      MAX_REQUESTS_PER_MINUTE: '1000000',
      MAX_REQUESTS_PER_HOUR: '1000000',
      SYNC_WAIT_MS: String(syncWaitMs),
      DRAIN_MS: '3000',
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  redis?.disconnect();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** How a wait ended: an answer's status, the last event of a stream, or a connection that was lost with its server. */
type End = string;

interface Ends {
  counts: Map<End, number>;
  accepted: Set<string>;
  hung: string[];
}

const ways: Record<string, (url: string, body: object, ends: Ends) => Promise<End>> = {
  async wait(url, body, { accepted }) {
    const { status, headers } = await post(`${url}/v1/generate`, body);
    const id = headers.get('x-job-id');
    if (id) accepted.add(id);
    return String(status);
  },
  async stream(url, body, { accepted }) {
    const stream = await streamGenerate(url, body);
    const id = stream.headers.get('x-job-id');
    if (id) accepted.add(id);
    if (stream.status !== 200) return String(stream.status);
    return (await stream.take()).at(-1)?.event ?? 'nothing';
  },
  async submitThenWait(url, body, { accepted }) {
    const { status, body: job } = await post(`${url}/v1/generate`, body, { prefer: 'respond-async' });
    if (status !== 202) return String(status);
    accepted.add(job.id);
    return String((await send(`${url}/v1/jobs/${job.id}`, { headers: { prefer: 'wait=5' } })).status);
  },
  async submitThenFollow(url, body, { accepted }) {
    const { status, body: job } = await post(`${url}/v1/generate`, body, { prefer: 'respond-async' });
    if (status !== 202) return String(status);
    accepted.add(job.id);
    return (await (await openStream(`${url}/v1/jobs/${job.id}/events`)).take()).at(-1)?.event ?? 'nothing';
  },
};

async function oneWait(number: number, random: Random, ends: Ends): Promise<void> {
  const name = random.pick(Object.keys(ways));
  const model = random.pick([
    'sandbox/tokens-5',
    'sandbox/slow-100',
    `sandbox/drip-20+tokens-${random.between(2, 20)}`,
  ]);
  const body = { prompt: `wait ${seed} ${number}`, model, user_id: `waiter ${number % 7}` };
  const timer = new AbortController();
  const late = pause(patienceMs, 'hung', { signal: timer.signal }).catch(() => 'over');
  const way = ways[name]?.(random.pick(gateway.apis).url, body, ends).catch(() => 'connection lost');
  const end = (await Promise.race([way, late])) ?? 'no way';
  timer.abort();
  if (end === 'hung') ends.hung.push(`${name} ${number}`);
  ends.counts.set(`${name}: ${end}`, (ends.counts.get(`${name}: ${end}`) ?? 0) + 1);
}

test(`of ${waitCount} waits none hangs while connections are cut and processes replaced (CHAOS_SEED=${seed})`, async () => {
  const random = createRandom(seed);
  const ends: Ends = { counts: new Map(), accepted: new Set(), hung: [] };
  const faults: FaultLog = { faults: [], processes: [...gateway.apis, ...gateway.workers], exitCodes: [] };
  let next = 0;
  let isOver = false;
  const harming = harm(gateway, redis, createRandom(seed + 1), faults, () => isOver);
  const client = async () => {
    while (next < waitCount) {
      // A client whose server has just gone does not come back within the same millisecond.
      if (gateway.apis.length === 0) await pause(20);
      else await oneWait(next++, random, ends);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  isOver = true;
  await harming;
  console.log(
    `[waits] ${JSON.stringify({ seed, faults: faults.faults.length, ends: Object.fromEntries(ends.counts) })}`,
  );

  expect(ends.hung).toEqual([]);
  const answered = [...ends.counts].filter(([end]) => /: (200|job\.completed)$/.test(end));
  expect(answered.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(waitCount / 3);
  // Whoever was told of a job finds it ended, whatever became of its wait: given up only if it was never begun, and failed
  // only if it was lost as often as a poison job would be.
  const jobs = await waitFor(
    async () => {
      const stored = await readJobs(redis, gateway.keyPrefix);
      const told = [...ends.accepted].map((id) => stored.get(id));
      return told.every((job) => job && isFinal(job.record.state)) && told.flatMap((job) => job ?? []);
    },
    { what: 'every accepted job ends', timeoutMs: 60_000, intervalMs: 500 },
  );
  const isExplained = ({ record: { state, startedMs }, losses }: StoredJob) =>
    state === 'completed' || (state === 'expired' && startedMs === undefined) || (state === 'failed' && losses >= 3);
  expect(jobs.filter((job) => !isExplained(job))).toEqual([]);
}, 400_000);
