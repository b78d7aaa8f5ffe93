import '@llm-gateway/testkit/provided-context';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { createLogger } from '../observability/logger.ts';
import { openDatabase } from './database.ts';
import { migrateLedger } from './migrate-ledger.ts';
import { openTestLedger, type TestLedger } from './test-ledger.ts';

let ledger: TestLedger;
beforeEach(async () => {
  ledger = await openTestLedger(inject('databaseUrl'));
});
afterEach(() => ledger?.close());

const tables = async () => {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`.execute(
    ledger.database,
  );
  return rows.map(({ name }) => name);
};

test('makes the tables, and again nothing', async () => {
  await migrateLedger(ledger.database);
  await migrateLedger(ledger.database);
  expect(await tables()).toEqual(
    expect.arrayContaining(['latency_day', 'ledger', 'usage_day', 'usage_user_day', 'usage_user_month']),
  );
});

test('several processes may do it at once', async () => {
  const log = createLogger({ service: 'test', level: 'silent' });
  const processes = Array.from({ length: 4 }, (_, index) =>
    openDatabase(ledger.url, { name: `test-${index}`, poolMax: 2, statementTimeoutMs: 5000, log }),
  );
  await Promise.all(processes.map((database) => migrateLedger(database)));
  await Promise.all(processes.map((database) => database.destroy()));
  const { rows } = await sql`select name from ledger_migration`.execute(ledger.database);
  expect(rows).toEqual([{ name: '0001-ledger' }]);
});

test('an older version leaves the tables of a newer one alone', async () => {
  await migrateLedger(ledger.database);
  await sql`insert into ledger_migration (name, timestamp) values ('0002-later', '2026-11-24T00:00:00Z')`.execute(
    ledger.database,
  );
  await expect(migrateLedger(ledger.database)).resolves.toBeUndefined();
});
