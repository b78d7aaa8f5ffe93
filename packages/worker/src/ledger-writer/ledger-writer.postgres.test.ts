import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { openDatabase } from '@llm-gateway/shared/ledger/database';
import type { LedgerEntry } from '@llm-gateway/shared/ledger/ledger-entry';
import { migrateLedger } from '@llm-gateway/shared/ledger/migrate-ledger';
import { entryOf, openTestLedger, type TestLedger } from '@llm-gateway/shared/ledger/test-ledger';
import { plainSums, readRollups } from '@llm-gateway/shared/ledger/test-sums';
import { writeLedgerRows } from '@llm-gateway/shared/ledger/write-rows';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { createMetrics } from '@llm-gateway/shared/observability/metrics';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import { startTcpRelay, type TcpRelay } from '@llm-gateway/testkit/tcp-relay';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { startLedgerWriter } from './ledger-writer.ts';

const log = createLogger({ service: 'test', level: 'silent' });

let redis: Redis;
let keys: Keys;
let ledger: TestLedger;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(async () => {
  keys = createKeys(`test-${randomUUID()}`);
  ledger = await openTestLedger(inject('databaseUrl'));
  const { close } = ledger;
  onTestFinished(close);
});
afterAll(() => redis.quit());

/** A writer of a process; it takes for dead what has been in hand for 100 ms. */
function start(database = ledger.database) {
  const metrics = createMetrics();
  const reader = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null });
  const writer = startLedgerWriter({ redis, reader, keys, database, metrics, log, claimAfterMs: 100 });
  onTestFinished(writer.close);
  return { close: writer.close, metrics };
}

/** What scripts leave in the outbox. */
const leave = ({ row, atMs }: LedgerEntry) => redis.xadd(keys.ledger, '*', 'row', JSON.stringify(row), 't', atMs);

async function leaveAll(entries: readonly LedgerEntry[]): Promise<void> {
  for (const entry of entries) await leave(entry);
}

const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) =>
    entryOf({ generation: `job_${from + index}`, user: `u${(from + index) % 3}` }),
  );

const outboxEmpty = () =>
  waitFor(async () => (await redis.xlen(keys.ledger)) === 0, { what: 'the outbox of the ledger is empty' });

const rowsInHand = () =>
  waitFor(async () => Number((await redis.xpending(keys.ledger, 'ledger-writer'))[0]) > 0, {
    what: 'the writer has rows in hand',
  });

const rollups = () => readRollups(ledger.database);

test('what was in the outbox before, and what comes, is in the ledger', async () => {
  await leaveAll(many(10));
  const { metrics } = start();
  await leaveAll(many(10, 10));
  await outboxEmpty();
  expect(await rollups()).toEqual(plainSums(many(20)));
  expect((await metrics.ledgerRows.get()).values).toContainEqual({ labels: { outcome: 'written' }, value: 20 });
});

describe('a writer that dies', () => {
  /** Takes all that is in the outbox, as a writer does, and says nothing any more. */
  async function takeAndDie(): Promise<void> {
    await redis.xgroup('CREATE', keys.ledger, 'ledger-writer', '0', 'MKSTREAM');
    await redis.xreadgroup('GROUP', 'ledger-writer', 'worker', 'COUNT', 500, 'STREAMS', keys.ledger, '>');
  }

  test('before it has written: another one writes', async () => {
    await leaveAll(many(20));
    await takeAndDie();
    start();
    await outboxEmpty();
    expect(await rollups()).toEqual(plainSums(many(20)));
  });

  test('between writing and taking note: another one writes again, and nothing is counted twice', async () => {
    await leaveAll(many(20));
    await takeAndDie();
    await migrateLedger(ledger.database);
    await writeLedgerRows(ledger.database, many(20));
    start();
    await outboxEmpty();
    expect(await rollups()).toEqual(plainSums(many(20)));
  });
});

test('several writers share the outbox: every row is written once', async () => {
  start();
  start();
  start();
  await Promise.all([leaveAll(many(400)), leaveAll(many(400, 200)), leaveAll(many(200, 300))]);
  await outboxEmpty();
  expect(await rollups()).toEqual(plainSums(many(600)));
});

test('a Redis that has lost everything is served again', async () => {
  start();
  await leaveAll(many(5));
  await outboxEmpty();
  await redis.del(keys.ledger);
  await leaveAll(many(5, 5));
  await outboxEmpty();
  expect(await rollups()).toEqual(plainSums(many(10)));
});

test('rows that nobody can read and rows that Postgres does not take are set aside, and the others are written', async () => {
  const tooDear = entryOf({ generation: 'job_bad', costNanoUsd: '9'.repeat(20) });
  await leaveAll(many(5));
  await redis.xadd(keys.ledger, '*', 'row', '{"generation":', 't', 1);
  await leaveAll([tooDear, entryOf({ generation: 'job_nul', user: 'a\0b' })]);
  await leaveAll(many(5, 5));
  const { metrics } = start();
  await outboxEmpty();
  expect(await rollups()).toEqual(plainSums([...many(10), entryOf({ generation: 'job_nul', user: 'a\ufffdb' })]));

  const refused = await redis.xrange(keys.ledgerRefused, '-', '+');
  expect(refused.map(([, fields]) => pairsToHash(fields))).toEqual([
    { row: '{"generation":', t: '1', reason: expect.stringMatching(/./) },
    { row: JSON.stringify(tooDear.row), t: String(tooDear.atMs), reason: expect.stringContaining('out of range') },
  ]);
  expect((await metrics.ledgerRows.get()).values).toContainEqual({ labels: { outcome: 'refused' }, value: 2 });
});

describe('with a Postgres that goes away', () => {
  let relay: TcpRelay;
  beforeEach(async () => {
    const { hostname, port } = new URL(ledger.url);
    relay = await startTcpRelay({ host: hostname, port: Number(port) });
    const { stop } = relay;
    onTestFinished(stop);
  });

  function startBehindRelay() {
    const url = new URL(ledger.url);
    url.port = String(relay.port);
    const options = { name: 'test', poolMax: 2, statementTimeoutMs: 500, connectTimeoutMs: 500, log };
    const database = openDatabase(url.href, options);
    onTestFinished(() => database.destroy());
    return start(database);
  }

  test('a writer starts all the same, and nothing is lost whenever it comes back', async () => {
    await relay.stop();
    startBehindRelay();
    await leaveAll(many(10));
    await rowsInHand();
    await leaveAll(many(10, 10));
    expect(await redis.xlen(keys.ledger)).toBe(20);
    await relay.start();
    await outboxEmpty();

    await relay.stop();
    await leaveAll(many(10, 20));
    expect(await redis.xlen(keys.ledger)).toBe(10);
    await relay.start();
    await outboxEmpty();
    expect(await rollups()).toEqual(plainSums(many(30)));
  });

  test('a connection that has fallen silent is given up for another', async () => {
    startBehindRelay();
    await leaveAll(many(5));
    await outboxEmpty();
    relay.hold();
    await leaveAll(many(5, 5));
    await rowsInHand();
    await relay.start();
    await outboxEmpty();
    expect(await rollups()).toEqual(plainSums(many(10)));
  });

  test('a writer that is closed meanwhile leaves its rows to the next one', async () => {
    await relay.stop();
    const { close } = startBehindRelay();
    await leaveAll(many(5));
    await rowsInHand();
    await close();
    expect(await redis.xlen(keys.ledger)).toBe(5);
    start();
    await outboxEmpty();
    expect(await rollups()).toEqual(plainSums(many(5)));
  });
});
