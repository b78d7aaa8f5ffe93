import '@llm-gateway/testkit/provided-context';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { ledgerKinds, ledgerStatuses } from '../contracts/ledger-row.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { migrateLedger } from './migrate-ledger.ts';
import { entryOf, openTestLedger, type TestLedger, unsettled } from './test-ledger.ts';
import { plainSums, readRollups } from './test-sums.ts';
import { writeLedgerRows } from './write-rows.ts';

let ledger: TestLedger;
beforeEach(async () => {
  ledger = await openTestLedger(inject('databaseUrl'));
  await migrateLedger(ledger.database);
});
afterEach(() => ledger?.close());

const write = (entries: readonly LedgerEntry[]) => writeLedgerRows(ledger.database, entries);
const rollups = () => readRollups(ledger.database);
const rows = () => ledger.database.selectFrom('ledger').selectAll().orderBy('generation').orderBy('call').execute();

const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) =>
    entryOf({ generation: `job_${from + index}`, user: `u${(from + index) % 3}`, model: `m${(from + index) % 2}` }),
  );

test('a row is kept as it was said, to the nano-dollar and the millisecond', async () => {
  const at = Date.parse('2026-11-24T23:59:59.999Z');
  await write([entryOf({ code: 'provider_busy', providerRequest: 'chatcmpl-1', costNanoUsd: '999999999999999' }, at)]);
  expect(await rows()).toEqual([
    {
      generation: 'job_1',
      call: 1,
      at: new Date(at),
      kind: 'call',
      status: 'completed',
      code: 'provider_busy',
      tenant: 'acme',
      key: 'key_1',
      user_id: 'u1',
      model: 'openai/gpt-4o',
      provider: 'openai',
      endpoint: '/v1/generate',
      request: 'req_1',
      prompt_tokens: '11',
      completion_tokens: '7',
      cached_prompt_tokens: '0',
      cache_write_tokens: '0',
      reasoning_tokens: '0',
      usage_source: 'provider',
      cost_nano_usd: '999999999999999',
      saved_nano_usd: '0',
      price_version: 'test',
      latency_ms: '120',
      first_token_ms: '30',
      provider_request: 'chatcmpl-1',
    },
  ]);
  expect((await rollups()).usage_day).toMatchObject([{ day: '2026-11-24', cost_nano_usd: 999999999999999 }]);
});

test('nothing is nothing', async () => {
  expect(await write([])).toEqual({ inserted: 0, changed: 0, refused: [] });
});

test('a batch that comes twice is counted once', async () => {
  const entries = many(10);
  expect(await write(entries)).toMatchObject({ inserted: 10 });
  expect(await write(entries)).toMatchObject({ inserted: 0, changed: 0 });
  expect(await rollups()).toEqual(plainSums(entries));
});

test('two writers at once on batches that overlap count every row once', async () => {
  const [one, other] = [many(300), many(300, 150)];
  await Promise.all([write(one), write(other.toReversed()), write(other), write(one.toReversed())]);
  expect(await rollups()).toEqual(plainSums(many(450)));
  expect(await rows()).toHaveLength(450);
});

test('many writers on the same days do not lock each other out', async () => {
  const batches = Array.from({ length: 12 }, (_, index) => many(40, index * 40));
  await Promise.all(batches.flatMap((batch) => [write(batch), write(batch.toReversed())]));
  expect(await rollups()).toEqual(plainSums(many(480)));
});

describe('a call whose outcome was not known', () => {
  const lost = entryOf(unsettled);

  test('is counted as unsettled until it is', async () => {
    await write([lost]);
    expect((await rollups()).usage_day).toMatchObject([{ calls: 1, unsettled: 1, requests: 0, cost_nano_usd: 0 }]);
    expect(await write([entryOf()])).toMatchObject({ inserted: 0, changed: 1 });
    expect((await rollups()).usage_day).toMatchObject([{ calls: 1, unsettled: 0, requests: 1, cost_nano_usd: 97500 }]);
    expect(await rollups()).toEqual(plainSums([entryOf()]));
  });

  test('settles in the same batch, whichever comes first', async () => {
    await write([lost, entryOf()]);
    await write([entryOf({ generation: 'job_2' }), entryOf({ ...unsettled, generation: 'job_2' })]);
    expect(await rollups()).toEqual(plainSums([entryOf(), entryOf({ generation: 'job_2' })]));
  });

  test('takes no second outcome, and does not become unsettled again', async () => {
    await write([lost]);
    await write([entryOf()]);
    expect(await write([entryOf({ costNanoUsd: '1' }), lost])).toMatchObject({ inserted: 0, changed: 0 });
    expect(await write([lost])).toMatchObject({ inserted: 0, changed: 0 });
    expect(await rollups()).toEqual(plainSums([entryOf()]));
  });

  test('stays on the day on which it was written first, with whoever it was written for', async () => {
    const later = entryOf({ user: 'another', model: 'another' }, lost.atMs + 86_400_000);
    await write([lost]);
    await write([later]);
    expect(await rollups()).toEqual(plainSums([lost, later]));
    expect(await rows()).toMatchObject([{ at: new Date(lost.atMs), user_id: 'u1', status: 'completed' }]);
  });

  test('is settled once by two writers at once', async () => {
    const all = many(50);
    await write(all.map(({ row, atMs }) => ({ row: { ...row, ...unsettled }, atMs })));
    const results = await Promise.all([write(all), write(all.toReversed())]);
    expect(results.map(({ changed }) => changed).reduce((one, other) => one + other)).toBe(50);
    expect(await rollups()).toEqual(plainSums(all));
  });
});

describe('a row that Postgres does not take', () => {
  test.for([
    ['a cost beyond all reason', { costNanoUsd: '1000000000000001' }],
    ['a cost beyond 64 bits', { costNanoUsd: '9'.repeat(30) }],
    ['tokens beyond all reason', { promptTokens: 2e12 }],
    ['a name too long for an index', { user: randomText(9000) }],
    ['tokens of a call whose outcome is not known', { ...unsettled, promptTokens: 5 }],
  ] as const)('%s: is named, and the others are written', async ([, changes]) => {
    const entries = many(20);
    const bad = entryOf({ ...changes, generation: 'job_bad' });
    const { inserted, refused } = await write(entries.toSpliced(7, 0, bad));
    expect(inserted).toBe(20);
    expect(refused).toEqual([{ entry: bad, error: expect.objectContaining({ code: expect.any(String) }) }]);
    expect(await rollups()).toEqual(plainSums(entries));
  });

  test('half a surrogate pair does not stop anything', async () => {
    const { refused } = await write([entryOf({ user: 'x\ud800' }), entryOf({ user: 'x\udc00', generation: 'job_2' })]);
    expect(refused).toEqual([]);
    expect(await rows()).toHaveLength(2);
  });
});

/** Text that does not compress into a small index entry. */
function randomText(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(33 + (state % 90));
  }).join('');
}

const start = Date.parse('2026-11-23T22:00:00Z');

const anyEntry: fc.Arbitrary<LedgerEntry> = fc
  .record({
    generation: fc.constantFrom('job_1', 'job_2', 'job_3', 'job_4'),
    call: fc.integer({ min: 0, max: 2 }),
    kind: fc.constantFrom(...ledgerKinds),
    status: fc.constantFrom(...ledgerStatuses, 'unsettled' as const),
    code: fc.constantFrom(undefined, 'job_cancelled' as const),
    tenant: fc.constantFrom('acme', 'Zoë'),
    key: fc.constantFrom('', 'key_1'),
    user: fc.constantFrom('u1', 'u2'),
    model: fc.constantFrom('openai/gpt-4o', 'sandbox/echo'),
    provider: fc.constantFrom('openai', 'sandbox'),
    promptTokens: fc.nat(1_000_000),
    completionTokens: fc.nat(1_000_000),
    cachedPromptTokens: fc.nat(100),
    cacheWriteTokens: fc.nat(100),
    reasoningTokens: fc.nat(100),
    usageSource: fc.constantFrom('provider', 'estimated', 'none', 'unknown'),
    costNanoUsd: fc.option(fc.nat(1_000_000_000).map(String)),
    savedNanoUsd: fc.nat(1_000_000).map(String),
    latencyMs: fc.option(fc.nat(700_000)),
    firstTokenMs: fc.option(fc.nat(60_000)),
  })
  .map((row) => (row.kind !== 'call' && row.status === 'unsettled' ? { ...row, status: 'completed' as const } : row))
  .map((row) => entryOf(row.status === 'unsettled' ? { ...row, ...unsettled } : row))
  .chain(({ row }) => fc.nat(4 * 3_600_000).map((lateMs) => ({ row, atMs: start + lateMs })));

test('whatever comes in whatever batches, and again, the rollups are the sums of the rows', async () => {
  const batches = fc.array(fc.array(anyEntry, { maxLength: 12 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(5), async (written, again) => {
      await sql`truncate ledger, usage_day, usage_user_day, usage_user_month, latency_day`.execute(ledger.database);
      for (const batch of written) expect((await write(batch)).refused).toEqual([]);
      await write(written[again] ?? []);
      expect(await rollups()).toEqual(plainSums(written.flat()));
    }),
    { numRuns: 60 },
  );
});
