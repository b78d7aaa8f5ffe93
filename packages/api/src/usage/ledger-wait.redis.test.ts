import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, inject, test, vi } from 'vitest';
import { createLedgerWait } from './ledger-wait.ts';

let redis: Redis;
let keys: Keys;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(() => {
  keys = createKeys(`test-${randomUUID()}`);
});
afterAll(() => redis.quit());

const leave = (id = '*') => redis.xadd(keys.ledger, id, 'row', '{}', 't', 1) as Promise<string>;
const written = (...ids: string[]) => redis.xdel(keys.ledger, ...ids);
const wait = (waitMs = 5000, signal = new AbortController().signal) =>
  createLedgerWait({ redis, keys, waitMs, pollMs: 1 })(signal);

test('an outbox that is empty is not waited for', async () => {
  expect(await wait(0)).toBe(true);
});

test('rows that were there are waited for', async () => {
  const ids = [await leave(), await leave()];
  const waiting = wait();
  await written(...ids);
  expect(await waiting).toBe(true);
});

test('rows that come later are not', async () => {
  const first = await leave('999-5');
  const waiting = wait();
  await leave('999-10');
  await leave('1000-0');
  await written(first);
  expect(await waiting).toBe(true);
  expect(await redis.xlen(keys.ledger)).toBe(2);
});

test('one row that is left behind by those after it is waited for too, until the time is over', async () => {
  await leave();
  const later = await leave();
  const waiting = wait(50);
  await written(later);
  expect(await waiting).toBe(false);
});

test('many who wait ask Redis no more often than one', async () => {
  const row = await leave();
  const asked = vi.spyOn(redis, 'xrange');
  const waitForLedger = createLedgerWait({ redis, keys, waitMs: 20_000, pollMs: 100 });
  const waiting = Array.from({ length: 100 }, () => waitForLedger(new AbortController().signal));
  await vi.waitFor(() => expect(asked.mock.calls.length).toBeGreaterThanOrEqual(100));
  await written(row);
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => true));
  // Once each, and then once for all of them at every turn.
  expect(asked.mock.calls.length).toBeLessThan(200);
  asked.mockRestore();
});

test('nobody knows without Redis', async () => {
  const lost = new Redis(inject('redisUrl'), { lazyConnect: true, enableOfflineQueue: false });
  const waitForLedger = createLedgerWait({ redis: lost, keys });
  expect(await waitForLedger(new AbortController().signal)).toBe(false);
});

test('whoever does not want to know any more ends the wait', async () => {
  await leave();
  const gone = new AbortController();
  const waiting = wait(60_000, gone.signal);
  gone.abort();
  expect(await waiting).toBe(false);
});
