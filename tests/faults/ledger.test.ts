import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import { createRandom, type Random } from '@llm-gateway/testkit/random';
import { adminKey, type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { finalBill, readJobs } from './chaos/oracle.ts';
import { billByRequest, ledgerByRequest, type Row, total } from './ledger/books.ts';
import {
  type DialectTally,
  makeDialectOrder,
  newDialectTally,
  placeInDialect,
  pricesFile,
  routingFile,
} from './ledger/dialect-orders.ts';
import { type Client, makeOrders, type Order, place, type Tally } from './ledger/orders.ts';

// LEDGER_SEED repeats a story, as far as the machine does; LEDGER_JOBS and LEDGER_KILLS tell a longer or shorter one.
const seed = Number(process.env.LEDGER_SEED ?? randomInt(2 ** 31));
const jobCount = Number(process.env.LEDGER_JOBS ?? 5000);
const dialectShare = 0.4;
const killCount = Number(process.env.LEDGER_KILLS ?? 20);
const placedAtOnce = 40;
/** Enough for about half of what the second tenant asks for. */
const tightBudgetUsd = (jobCount * 0.00005).toFixed(6);

let folder: string;
let redis: Redis;
let gateway: Gateway;
let database: pg.Client;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llm-gateway-ledger-'));
  const [routing, prices] = [join(folder, 'routing.yaml'), join(folder, 'prices.json')];
  await Promise.all([writeFile(routing, routingFile), writeFile(prices, pricesFile)]);
  redis = new Redis(inject('redisUrl'));
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 2,
    environment: {
      AUTH_MODE: 'keys',
      MAX_REQUESTS_PER_MINUTE: '1000000',
      MAX_REQUESTS_PER_HOUR: '1000000',
      WORKER_CONCURRENCY: '50',
      ROUTING_FILE: routing,
      PRICES_FILE: prices,
    },
  });
  database = new pg.Client({ connectionString: gateway.environment.DATABASE_URL });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await gateway?.stop();
  redis?.disconnect();
  await rm(folder, { recursive: true, force: true });
});

const admin = { authorization: `Bearer ${adminKey}` };

/** A tenant with a key, and what it may spend. */
async function openTenant(id: string, budgets: object[]): Promise<Client> {
  expect((await post(`${gateway.url}/v1/admin/tenants`, { id, name: id, budgets }, admin)).status).toBe(201);
  const { status, body } = await post(`${gateway.url}/v1/admin/keys`, { name: 'orders', tenant_id: id }, admin);
  expect(status).toBe(201);
  return { urls: () => gateway.apis.map(({ url }) => url), key: body.key };
}

/** All orders, so many at once. */
async function placeAll(orders: readonly Order[], client: Client, random: Random, tally: Tally): Promise<void> {
  const waiting = [...orders];
  const placing = async () => {
    for (let order = waiting.shift(); order; order = waiting.shift()) await place(order, client, random, tally);
  };
  await Promise.all(Array.from({ length: placedAtOnce / 2 }, placing));
}

/** So many orders in the vendors' dialects, whose clients mostly wait for what comes of them: more of them at once. */
async function placeInDialects(client: Client, count: number, random: Random, tally: DialectTally): Promise<void> {
  let number = 0;
  const placing = async () => {
    while (number < count) {
      number += 1;
      await placeInDialect(makeDialectOrder(`dialect-${number}`, random), client, random, tally);
    }
  };
  await Promise.all(Array.from({ length: placedAtOnce }, placing));
}

/** Kills a worker in whatever it is doing, over and over; another takes its place. */
async function kill(random: Random, count: number, isOver: () => boolean): Promise<number> {
  let killed = 0;
  while (killed < count && !isOver()) {
    await pause(random.between(200, 900));
    const [victim] = gateway.workers.splice(random.between(0, gateway.workers.length - 1), 1);
    await Promise.all([victim?.stop('SIGKILL'), gateway.startWorker()]);
    killed += 1;
  }
  return killed;
}

/** Resolves when every job has ended, no call is under way, and every row has reached Postgres. */
async function whenSettled(accepted: ReadonlySet<string>) {
  const keys = createKeys(gateway.keyPrefix);
  const patience = { timeoutMs: 90_000, intervalMs: 300 };
  await waitFor(
    async () => {
      const jobs = await readJobs(redis, gateway.keyPrefix);
      return [...accepted].every((id) => isFinal(jobs.get(id)?.record.state ?? 'queued'));
    },
    { what: 'every accepted job ends', ...patience },
  );
  const bill = await waitFor(() => finalBill(gateway.sandbox), { what: 'every call ends', ...patience });
  await waitFor(async () => (await redis.xlen(keys.ledger)) === 0, { what: 'the outbox is empty', ...patience }).catch(
    async (error: unknown) => {
      const pending = await redis.xpending(keys.ledger, 'ledger-writer', '-', '+', 3);
      const said = gateway.workers.map((worker) =>
        worker
          .logs()
          .filter(({ level }) => level === 'error')
          .slice(-3),
      );
      throw new Error(`${await redis.xlen(keys.ledger)} rows wait: ${JSON.stringify({ pending, said })}`, {
        cause: error,
      });
    },
  );
  return bill;
}

const query = async (sql: string, values: unknown[] = []): Promise<Row[]> => (await database.query(sql, values)).rows;

test(`the ledger equals the bill, whatever is killed (LEDGER_SEED=${seed})`, { timeout: 300_000 }, async () => {
  const random = createRandom(seed);
  const wide = await openTenant('wide', []);
  const tight = await openTenant('tight', [{ period: 'total', limit_usd: tightBudgetUsd }]);
  const tallies = { wide: newTally(), tight: newTally() };
  const dialects = newDialectTally();

  let isOver = false;
  const killing = kill(createRandom(seed + 1), killCount, () => isOver);
  await Promise.all([
    placeAll(makeOrders(Math.ceil(jobCount * (0.7 - dialectShare)), random), wide, random, tallies.wide),
    placeInDialects(wide, jobCount * dialectShare, createRandom(seed + 2), dialects),
    placeAll(makeOrders(Math.floor(jobCount * 0.3), random), tight, random, tallies.tight),
  ]);
  const killed = killCount > 0 ? await killing : 0;
  isOver = true;
  const bill = await whenSettled(new Set([...tallies.wide.accepted, ...tallies.tight.accepted, ...dialects.accepted]));

  const rows = await query('select * from ledger');
  const calls = rows.filter(({ kind }) => kind === 'call');
  const unsettled = new Set(calls.filter(isUnknown).map(({ request }) => request));
  const [told, billed] = [ledgerByRequest(rows), billByRequest(bill, rows)];
  console.log(
    `[ledger] ${JSON.stringify({
      jobs: tallies.wide.accepted.size + tallies.tight.accepted.size,
      cachedAtOnce: tallies.wide.cached + tallies.tight.cached,
      dialects: {
        jobs: dialects.accepted.size,
        answered: dialects.answered.size,
        retried: dialects.retried.size,
        statuses: Object.fromEntries(dialects.statuses),
      },
      refused: Object.fromEntries(tallies.tight.refused),
      killed,
      rows: rows.length,
      byStatus: Object.fromEntries(
        Object.entries(Object.groupBy(rows, ({ kind, status }) => `${kind} ${status}`)).map(([name, list]) => [
          name,
          list?.length,
        ]),
      ),
      billedCalls: bill.calls,
      ledgerUsd: Number(total(told.values()).nanoUsd) / 1e9,
      billedUsd: Number(total(billed.values()).nanoUsd) / 1e9,
    })}`,
  );

  expect(tallies.wide.refused).toEqual(new Map());
  expect(dialects.silent).toEqual([]);
  expect(dialects.retried.size).toBeGreaterThan(0);
  expect(await answeredTwice(dialects.sent)).toEqual([]);
  for (const request of new Set([...told.keys(), ...billed.keys()])) {
    const [ledger, provider] = [told.get(request), billed.get(request)];
    if (!unsettled.has(request)) expect({ request, ...ledger }).toEqual({ request, ...provider });
    else expectExplained(request, { ledger, provider }, calls);
  }
  const isSettled = ([request]: [string, unknown]) => !unsettled.has(request);
  expect(total([...told].filter(isSettled).map(([, sum]) => sum))).toEqual(
    total([...billed].filter(isSettled).map(([, sum]) => sum)),
  );
  await expectCounters('wide', rows);
  await expectCounters('tight', rows);
  expectNoOvershoot(rows, billed);
  expect(tallies.tight.refused.get(402)).toBeGreaterThan(0);
  expect([...tallies.tight.refused.keys()]).toEqual([402]);
});

/**
 * Requests of clients that asked again while the first answer was under way or had not been sent, and got another one.
 * What was asked before there was a job could not find it.
 */
async function answeredTwice(sent: DialectTally['sent']): Promise<string[]> {
  const records = [...(await readJobs(redis, gateway.keyPrefix)).values()].map(({ record }) => record);
  const answered = records.filter(({ request, answer, free }) => sent.has(request) && answer && !free);
  const byRequest = Map.groupBy(answered, ({ request }) => request);
  return [...byRequest].flatMap(([request, jobs]) => {
    const inOrder = jobs.toSorted((one, other) => one.createdMs - other.createdMs);
    const sentMs = (number: number) => inOrder[number]?.deliveredMs ?? Number.POSITIVE_INFINITY;
    const areApart = inOrder.slice(1).every(({ createdMs }, index) => sentMs(index) <= createdMs);
    const asked = sent.get(request)?.filter((atMs) => atMs <= (inOrder[0]?.createdMs ?? 0)).length ?? 0;
    return areApart || jobs.length <= asked ? [] : [request];
  });
}

/** Its worker was killed or taken for dead, or the connection broke before a word had come back. */
const isUnknown = ({ usage_source }: Row) => usage_source === 'unknown';

const newTally = (): Tally => ({ accepted: new Set(), cached: 0, refused: new Map() });

type Sums = ReturnType<typeof ledgerByRequest>;

/** What the provider charged beyond the ledger is calls whose outcome nobody knows, each of which has a row. */
function expectExplained(
  request: string,
  { ledger, provider }: { ledger: ReturnType<Sums['get']>; provider: ReturnType<Sums['get']> },
  calls: readonly Row[],
): void {
  const lost = calls.filter((row) => row.request === request && isUnknown(row)).length;
  const beyond = (provider?.calls ?? 0) - (ledger?.calls ?? 0);
  expect(beyond, `${request}: calls beyond the ledger`).toBeGreaterThanOrEqual(0);
  expect(beyond, `${request}: calls beyond the ledger`).toBeLessThanOrEqual(lost);
  expect(provider?.nanoUsd ?? 0n).toBeGreaterThanOrEqual(ledger?.nanoUsd ?? 0n);
}

/** Usage over HTTP, the rollups behind it and the counters that guard budgets all say what the rows say. */
async function expectCounters(tenant: string, rows: readonly Row[]): Promise<void> {
  const own = rows.filter((row) => row.tenant === tenant);
  const nanoUsd = own.reduce((sum, { cost_nano_usd }) => sum + BigInt(cost_nano_usd ?? 0), 0n);
  const keys = createKeys(gateway.keyPrefix);
  const [spent, reserved] = await redis.hmget(keys.spend(`tenant:${tenant}`, 'total'), 'spent', 'reserved');
  expect(BigInt(spent ?? 0)).toBe(nanoUsd);
  expect(Number(reserved ?? 0)).toBe(0);
  const { body } = await send(`${gateway.url}/v1/admin/summary?tenant_id=${tenant}`, { headers: admin });
  expect(body.costs.total_cost_usd).toBe(Number(`${nanoUsd}e-9`));
  const tokens = own.reduce((sum, row) => sum + Number(row.prompt_tokens) + Number(row.completion_tokens), 0);
  expect(body.costs.total_tokens).toBe(tokens);
}

/** All that the provider charged for the tenant with the budget, lost calls included, is within it. */
function expectNoOvershoot(rows: readonly Row[], billed: Sums): void {
  const requests = new Set(rows.filter(({ tenant }) => tenant === 'tight').map(({ request }) => request));
  const { nanoUsd } = total([...billed].filter(([request]) => requests.has(request)).map(([, sum]) => sum));
  const limit = BigInt(Math.round(Number(tightBudgetUsd) * 1e9));
  console.log(`[ledger] the tight budget: ${Number(nanoUsd) / 1e9} of ${tightBudgetUsd} USD billed`);
  expect(nanoUsd).toBeLessThanOrEqual(limit);
}
