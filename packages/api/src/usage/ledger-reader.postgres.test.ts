import '@llm-gateway/testkit/provided-context';
import { openDatabase } from '@llm-gateway/shared/ledger/database';
import { openTestLedger, type TestLedger } from '@llm-gateway/shared/ledger/test-ledger';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { createLedgerReader, type LedgerReader } from './ledger-reader.ts';

let ledger: TestLedger;
let reader: LedgerReader;
beforeEach(async () => {
  ledger = await openTestLedger(inject('databaseUrl'));
  reader = createLedgerReader(ledger.database, async () => true);
});
afterEach(() => ledger?.close());

test('an empty database has an empty ledger: no worker has to have run', async () => {
  const rows = await reader.read((database) => database.selectFrom('ledger').selectAll().execute());
  expect(rows).toEqual([]);
});

test('what takes too long is refused, with what to do', async () => {
  const asked = reader.readCurrent((database) =>
    sql`set statement_timeout = 20; select pg_sleep(60)`.execute(database),
  );
  await expect(asked).rejects.toMatchObject({
    failure: { code: 'dependency_down', detail: expect.stringContaining('ask for a shorter time') },
  });
});

test('a statement of ours that is wrong is no outage', async () => {
  const asked = reader.read((database) => sql`select nothing from nowhere`.execute(database));
  await expect(asked).rejects.toMatchObject({ code: '42P01' });
});

test('with Postgres away nobody waits for rows that cannot be written', async () => {
  let isAborted = false;
  const waiting = (signal: AbortSignal) =>
    new Promise<boolean>((resolve) =>
      signal.addEventListener('abort', () => {
        isAborted = true;
        resolve(false);
      }),
    );
  const log = createLogger({ service: 'test', level: 'silent' });
  const options = { name: 'test', poolMax: 1, statementTimeoutMs: 1000, log };
  const lost = createLedgerReader(openDatabase('postgres://nobody@127.0.0.1:1/none', options), waiting);
  await expect(lost.readCurrent(async () => 1)).rejects.toMatchObject({ failure: { code: 'dependency_down' } });
  expect(isAborted).toBe(true);
});
