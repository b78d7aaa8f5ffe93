import '@llm-gateway/testkit/provided-context';
import { migrateLedger } from '@llm-gateway/shared/ledger/migrate-ledger';
import { entryOf, openTestLedger, type TestLedger } from '@llm-gateway/shared/ledger/test-ledger';
import { writeLedgerRows } from '@llm-gateway/shared/ledger/write-rows';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { groupings, sumUsage } from './sum-usage.ts';

const dayMs = 24 * 3600 * 1000;
const start = Date.parse('2025-06-20T23:00:00Z');
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** A row every seven hours for half a year of the past, of changing users, keys, models and tenants. */
const entries = Array.from({ length: 600 }, (_, index) =>
  entryOf(
    {
      generation: `job_${index}`,
      tenant: index % 5 === 0 ? 'other' : 'acme',
      user: `u${index % 3}`,
      key: `key_${index % 4}`,
      model: `m${index % 7}`,
      provider: `p${index % 2}`,
      costNanoUsd: String(index * 1000 + 1),
    },
    start + index * 7 * 3600 * 1000,
  ),
);

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger(inject('databaseUrl'));
  await migrateLedger(ledger.database);
  await writeLedgerRows(ledger.database, entries);
});
afterAll(() => ledger?.close());

const namers = {
  day: ({ atMs }: (typeof entries)[number]) => dayOf(atMs),
  model: ({ row }: (typeof entries)[number]) => row.model,
  user: ({ row }: (typeof entries)[number]) => row.user,
  key: ({ row }: (typeof entries)[number]) => row.key,
  provider: ({ row }: (typeof entries)[number]) => row.provider,
};

test('whoever and whatever is asked for, the sums are those of its rows', async () => {
  const day = fc.integer({ min: -3, max: 180 }).map((count) => dayOf(start + count * dayMs));
  const question = fc.record({
    tenantId: fc.constantFrom('acme', 'other', undefined),
    userId: fc.constantFrom('u1', undefined),
    from: fc.option(day, { nil: undefined }),
    to: fc.option(day, { nil: undefined }),
    by: fc.constantFrom(...groupings),
  });
  await fc.assert(
    fc.asyncProperty(question, async ({ tenantId, userId, from = '', to = '9', by }) => {
      const period = { from: from || undefined, to: to === '9' ? undefined : to };
      const { models, groups } = await sumUsage(ledger.database, { tenantId, userId, period }, { by, max: 1000 });
      const asked = entries.filter(
        ({ row, atMs }) =>
          (tenantId === undefined || row.tenant === tenantId) &&
          (userId === undefined || row.user === userId) &&
          from <= dayOf(atMs) &&
          dayOf(atMs) <= to,
      );
      for (const [found, namer] of [
        [models, namers.model],
        [groups, namers[by]],
      ] as const) {
        const costs: Record<string, bigint> = {};
        for (const entry of asked) {
          costs[namer(entry)] = (costs[namer(entry)] ?? 0n) + BigInt(entry.row.costNanoUsd ?? 0);
        }
        expect(Object.fromEntries(found.map(({ name, sums }) => [name, sums.cost_nano_usd]))).toEqual(costs);
      }
      const order = groups.map(({ name, sums }) => (by === 'day' ? name : -sums.cost_nano_usd));
      expect(order).toEqual(order.toSorted((one, other) => (one < other ? -1 : 1)));
    }),
    { numRuns: 150 },
  );
});
