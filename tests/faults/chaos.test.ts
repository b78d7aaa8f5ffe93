import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import { createRandom, type Random } from '@llm-gateway/testkit/random';
import { adminKey, type Gateway, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startPrivateRedis } from '../../scripts/redis/start-private-redis.ts';
import type { PrivateServer } from '../../scripts/servers/private-server.ts';
import { type ClientLog, contentOf, createClientLog, type Order, place } from './chaos/client.ts';
import { type FaultLog, harm } from './chaos/fault-loop.ts';
import { finalBill, findDuplicates, readJobs, type StoredJob, sumsByUser } from './chaos/oracle.ts';

// CHAOS_SEED repeats a story; CHAOS_ORDERS tells a longer one.
const seed = Number(process.env.CHAOS_SEED ?? randomInt(2 ** 31));
const orderCount = Number(process.env.CHAOS_ORDERS ?? 300);
const betweenOrdersMs = 90;
const canary = 'canary-in-a-prompt';

let dir: string;
let server: PrivateServer;
let redis: Redis;
let gateway: Gateway;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llm-gateway-chaos-'));
  server = await startPrivateRedis({ dir });
  redis = new Redis(server.url);
  gateway = await startGateway({
    redisUrl: server.url,
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 2,
    environment: {
      MAX_REQUESTS_PER_MINUTE: '100000',
      MAX_REQUESTS_PER_HOUR: '100000',
      SYNC_WAIT_MS: '6000',
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

function makeOrders(random: Random): Order[] {
  const models = [
    () => 'gpt-4o',
    () => 'claude-3-5-sonnet',
    () => 'sandbox/ok',
    () => 'sandbox/fail-once',
    () => 'sandbox/rate-limited-once',
    () => `sandbox/slow-${random.between(100, 2500)}`,
    () => `sandbox/drip-${random.between(20, 200)}+tokens-${random.between(5, 15)}`,
    () => 'sandbox/status-400',
    () => `sandbox/tokens-${random.between(0, 400)}`,
  ];
  const orders: Order[] = [];
  for (let number = 0; number < orderCount; number += 1) {
    // One in ten asks what was asked before, and may be answered from the cache.
    const earlier = number > 0 && random.next() < 0.1 ? random.pick(orders) : undefined;
    const body = earlier?.body ?? {
      prompt: `${canary} ${seed} ${number}`,
      model: random.pick(models)(),
      user_id: `user ${random.between(0, 4)}`,
    };
    const way = random.pick(['wait', 'wait', 'async', 'async', 'stream', 'stream', 'cancel'] as const);
    orders.push({ requestId: `chaos-${number}`, body, way });
  }
  return orders;
}

/** Orders come in while harm is done; the end of both. */
async function play(random: Random, clients: ClientLog, faults: FaultLog): Promise<void> {
  const pickUrl = () => random.pick(gateway.apis).url;
  let isOver = false;
  const harming = harm(gateway, redis, random, faults, () => isOver);
  const placed: Promise<void>[] = [];
  for (const order of makeOrders(createRandom(seed))) {
    placed.push(place(order, pickUrl, random, clients));
    await pause(betweenOrdersMs);
  }
  isOver = true;
  await harming;
  await Promise.all(placed);
}

/** The books, once every job that anybody was told of has ended and no call is under way. */
async function settledBooks(accepted: ReadonlySet<string>) {
  const jobs = await waitFor(
    async () => {
      const stored = await readJobs(redis, gateway.keyPrefix);
      return [...accepted].every((id) => isFinal(stored.get(id)?.record.state ?? 'queued')) && stored;
    },
    { what: 'every accepted job ends', timeoutMs: 40_000, intervalMs: 200 },
  );
  const bill = await waitFor(() => finalBill(gateway.sandbox), { what: 'every call ends', intervalMs: 100 });
  return { jobs, bill };
}

/** Every answered job is asked for once more, of every api: the answer is the one that was given out before. */
async function expectSameAnswers(jobs: ReadonlyMap<string, StoredJob>, clients: ClientLog): Promise<void> {
  for (const [id, { record }] of jobs) {
    if (!record.answer || record.failure) continue;
    const replies = await Promise.all(gateway.apis.map(({ url }) => send(`${url}/v1/jobs/${id}/result`)));
    const told = clients.answers.filter((answer) => answer.id === id).map(({ content }) => content);
    expect(new Set([...replies.map(contentOf), ...told]), `answers of ${id}`).toHaveProperty('size', 1);
  }
}

/**
 * Usage counts every generation that was answered, once; and of tokens and cost at least what the records say: calls that
 * were given up to be made again are in it too. tests/faults/ledger.test.ts holds it against the bill.
 */
async function expectUsageOf(jobs: ReadonlyMap<string, StoredJob>): Promise<void> {
  for (const [user, sums] of sumsByUser(jobs.values())) {
    const { body } = await send(`${gateway.apis[0]?.url}/v1/usage/${encodeURIComponent(user)}`);
    const { total_requests, cached_requests, prompt_tokens, completion_tokens, total_cost_usd, stale } = body;
    expect({ user, stale, requests: total_requests - cached_requests }).toEqual({
      user,
      stale: false,
      requests: sums.requests,
    });
    expect(prompt_tokens).toBeGreaterThanOrEqual(sums.promptTokens);
    expect(completion_tokens).toBeGreaterThanOrEqual(sums.completionTokens);
    expect(total_cost_usd).toBeGreaterThanOrEqual(Number(sums.nanoUsd) / 1e9);
  }
}

async function expectNobodyWaits(): Promise<void> {
  for (const { url } of gateway.apis) {
    const { body } = await send(`${url}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } });
    expect(body).toMatch(/^gateway_waiting_requests 0$/m);
  }
}

function expectCleanOutput({ processes, exitCodes }: FaultLog): void {
  const output = processes.map((running) => running.output()).join('');
  expect(output).not.toMatch(/unhandledRejection|uncaughtException|UnhandledPromise|MaxListeners/i);
  expect(output).not.toContain(canary);
  expect(exitCodes.filter((code) => code !== 0)).toEqual([]);
}

test(`whatever is killed, frozen or cut off: every job ends once and is counted once (CHAOS_SEED=${seed})`, async () => {
  console.log(`[chaos] CHAOS_SEED=${seed}`);
  const clients = createClientLog();
  const faults: FaultLog = { faults: [], processes: [...gateway.apis, ...gateway.workers], exitCodes: [] };
  await play(createRandom(seed + 1), clients, faults);
  const { jobs, bill } = await settledBooks(clients.accepted);
  const duplicates = findDuplicates(bill, jobs);
  const logged = faults.processes.flatMap((running) => running.logs()).map(({ event }) => event);
  const [told, handBacks] = ['duplicate_call', 'handing_back'].map((name) => logged.filter((event) => event === name));
  const states = Object.entries(Object.groupBy([...jobs.values()], ({ record }) => record.state));
  console.log(
    `[chaos] ${JSON.stringify({
      orders: clients.ends.length,
      accepted: clients.accepted.size,
      states: Object.fromEntries(states.map(([state, list]) => [state, list?.length])),
      retries: clients.retries,
      faults: faults.faults.length,
      billed: bill.calls,
      duplicates: { ...duplicates, told: told?.length, handBacks: handBacks?.length },
    })}`,
  );

  expect(clients.overdue).toEqual([]);
  expect(clients.ends).toHaveLength(orderCount);
  // A record that nobody was told of is one whose acceptance was cut off: it was never queued, and nobody runs it.
  const open = [...jobs].filter(([, { record }]) => !isFinal(record.state));
  expect(open.filter(([id, { record }]) => clients.accepted.has(id) || record.state !== 'queued')).toEqual([]);
  // A call that is handed back in the moment of its end is paid without a lost run: hardly ever, and never else.
  expect(duplicates.unexplained.slice(handBacks?.length ?? 0), `${duplicates.unexplained}`).toEqual([]);
  expect(told?.length).toBeLessThanOrEqual(duplicates.complete);
  expect(clients.spliced).toEqual([]);
  await expectSameAnswers(jobs, clients);
  await expectUsageOf(jobs);
  await expectNobodyWaits();
  expectCleanOutput(faults);
});
