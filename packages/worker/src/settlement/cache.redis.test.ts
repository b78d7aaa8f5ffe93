import { randomUUID } from 'node:crypto';
import '@llm-gateway/testkit/provided-context';
import { cacheEntry, parseCacheMember } from '@llm-gateway/shared/cache/cache-entry';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { acceptJob, pricedAnswer, type TestFields } from '../test-job.ts';
import { bookedCall } from './booked-call.ts';
import { createSettlement } from './settlement.ts';

let redis: Redis;
let keys: Keys;

beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(() => {
  keys = createKeys(`test-${randomUUID()}`);
});
afterAll(() => redis.quit());

/** Settles a job whose answer goes into a cache of that bound. */
async function settle(
  { digest, ttlMs = 60_000, fields = {} }: { digest?: string; ttlMs?: number; fields?: TestFields },
  answer = pricedAnswer(),
  cacheMaxBytes = 1_000_000,
) {
  const settlement = createSettlement({ redis, keys, cacheMaxBytes });
  const wish = digest === undefined ? {} : { cacheDigest: digest, cacheTtlMs: String(ttlMs) };
  const id = await acceptJob(redis, keys, { ...fields, ...wish });
  const run = randomUUID();
  const beginning = await settlement.begin(id, 1, run);
  if (beginning.kind !== 'run') throw new Error('not begun');
  const { record } = beginning;
  const call = bookedCall(id, record, { status: 'completed', used: answer, latencyMs: 1, firstTokenMs: null });
  expect((await settlement.settle({ id, run }, record, answer, call)).kind).toBe('settled');
  return id;
}

/** What an answer's entry is counted as. */
async function bytesOf(answer: PricedAnswer): Promise<number> {
  await settle({ digest: 'probe' }, answer);
  const bytes = Number(await redis.hget(keys.cacheEntry('probe'), 'bytes'));
  await redis.unlink(keys.cacheEntry('probe'), keys.cacheIndex, keys.cacheStats(), keys.cacheStats('acme'));
  return bytes;
}

/** The digests in the index, and that the figures are right: each entry there, its bytes in the sum. */
async function balancedDigests(): Promise<string[]> {
  const members = await redis.zrange(keys.cacheIndex, '0', '-1');
  const digests = members.map((member) => parseCacheMember(member).digest);
  const entries = await Promise.all(digests.map((digest) => redis.hget(keys.cacheEntry(digest), 'bytes')));
  expect(members).toEqual(digests.map((digest, position) => `${entries[position]}@acme:${digest}`));
  const sum = entries.reduce((total, bytes) => total + Number(bytes), 0);
  for (const stats of [keys.cacheStats(), keys.cacheStats('acme')]) {
    expect(Number((await redis.hget(stats, 'bytes')) ?? 0)).toBe(sum);
  }
  expect(Number((await redis.hget(keys.cacheStats('acme'), 'entries')) ?? 0)).toBe(members.length);
  return digests.toSorted();
}

test('an entry is the answer with its origin, for as long as it was wished', async () => {
  const answer = pricedAnswer({ text: 'Bären 🐻', finishReason: { unified: 'length', raw: 'max_tokens' } });
  const id = await settle({ digest: 'd', ttlMs: 30_000 }, answer);
  const entry = cacheEntry.parse(await redis.hgetall(keys.cacheEntry('d')));
  expect(entry).toMatchObject({
    answer,
    tenant: 'acme',
    user: 'ann',
    costNanoUsd: '13000',
    target: 'sandbox/echo',
    job: id,
    state: 'incomplete',
  });
  const ttlMs = await redis.pttl(keys.cacheEntry('d'));
  expect(ttlMs).toBeLessThanOrEqual(30_000);
  expect(ttlMs).toBeGreaterThan(20_000);
  expect(Number(await redis.zscore(keys.cacheIndex, `${entry.bytes}@acme:d`))).toBe(entry.storedMs + 30_000);
  expect(await balancedDigests()).toEqual(['d']);
});

test('an answer without a price saves nobody knows what', async () => {
  await settle({ digest: 'd' }, pricedAnswer({ costNanoUsd: null }));
  expect(await redis.hget(keys.cacheEntry('d'), 'costNanoUsd')).toBe('');
});

test('without the wish there is none', async () => {
  await settle({});
  expect(await redis.exists(keys.cacheIndex, keys.cacheStats(), keys.cacheStats('acme'))).toBe(0);
});

test.for([
  ['stop', 1],
  ['length', 1],
  ['content_filter', 0],
  ['tool_calls', 0],
  ['other', 0],
] as const)('an answer that ended by %s leaves %i', async ([unified, count]) => {
  await settle({ digest: 'd' }, pricedAnswer({ finishReason: { unified, raw: 'as said' } }));
  expect(await redis.exists(keys.cacheEntry('d'))).toBe(count);
  expect(await balancedDigests()).toHaveLength(count);
});

test('beyond the bound, those nearest to expiry leave', async () => {
  const answer = pricedAnswer();
  const room = 3 * (await bytesOf(answer));
  await settle({ digest: 'middle', ttlMs: 50_000 }, answer, room);
  await settle({ digest: 'first', ttlMs: 40_000 }, answer, room);
  await settle({ digest: 'last', ttlMs: 60_000 }, answer, room);
  expect(await balancedDigests()).toEqual(['first', 'last', 'middle']);
  await settle({ digest: 'new', ttlMs: 55_000 }, answer, room);
  expect(await balancedDigests()).toEqual(['last', 'middle', 'new']);
  expect(await redis.exists(keys.cacheEntry('first'))).toBe(0);
});

test('one large answer may cost several small ones', async () => {
  const small = pricedAnswer();
  const large = pricedAnswer({ text: 'x'.repeat(1000) });
  const room = 4 * (await bytesOf(small));
  for (const [digest, ttlMs] of [
    ['a', 10_000],
    ['b', 20_000],
    ['c', 30_000],
    ['d', 40_000],
  ] as const) {
    await settle({ digest, ttlMs }, small, room);
  }
  await settle({ digest: 'large', ttlMs: 60_000 }, large, room);
  expect(await balancedDigests()).toEqual(['c', 'd', 'large']);
});

test('an answer larger than the whole cache is left out and drives nobody away', async () => {
  const small = pricedAnswer();
  const room = await bytesOf(small);
  await settle({ digest: 'small' }, small, room);
  await settle({ digest: 'large' }, pricedAnswer({ text: 'x'.repeat(10_000) }), room);
  expect(await balancedDigests()).toEqual(['small']);
});

test('a later answer to the same request takes the place of the first', async () => {
  await settle({ digest: 'd', ttlMs: 10_000 }, pricedAnswer({ text: 'first' }));
  const second = await settle({ digest: 'd', ttlMs: 60_000 }, pricedAnswer({ text: 'second, and longer' }));
  expect(await balancedDigests()).toEqual(['d']);
  expect(cacheEntry.parse(await redis.hgetall(keys.cacheEntry('d')))).toMatchObject({
    answer: { text: 'second, and longer' },
    job: second,
  });
  expect(await redis.pttl(keys.cacheEntry('d'))).toBeGreaterThan(10_000);
});

test('what has expired is struck off the books', async () => {
  await settle({ digest: 'short', ttlMs: 20 });
  await waitFor(async () => (await redis.exists(keys.cacheEntry('short'))) === 0, { what: 'expiry' });
  await settle({ digest: 'other' });
  expect(await balancedDigests()).toEqual(['other']);
});

test('an answer that comes back after it had expired is counted once', async () => {
  await settle({ digest: 'd', ttlMs: 20 });
  await waitFor(async () => (await redis.exists(keys.cacheEntry('d'))) === 0, { what: 'expiry' });
  await settle({ digest: 'd' });
  expect(await balancedDigests()).toEqual(['d']);
});

test('the books are right after any order of answers, and the bound holds', async () => {
  const step = fc.record({
    digest: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    ttlMs: fc.integer({ min: 20_000, max: 60_000 }),
    length: fc.integer({ min: 0, max: 600 }),
  });
  const room = 5000;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      keys = createKeys(`test-${randomUUID()}`);
      for (const { digest, ttlMs, length } of steps) {
        await settle({ digest, ttlMs }, pricedAnswer({ text: 'x'.repeat(length) }), room);
        await balancedDigests();
        expect(Number(await redis.hget(keys.cacheStats(), 'bytes'))).toBeLessThanOrEqual(room);
      }
    }),
    { numRuns: 30 },
  );
});
