import { type LedgerEntry, parseLedgerEntry } from '@llm-gateway/shared/ledger/ledger-entry';
import { migrateLedger } from '@llm-gateway/shared/ledger/migrate-ledger';
import { writeLedgerRows } from '@llm-gateway/shared/ledger/write-rows';
import { createDatabase } from '@llm-gateway/testkit/create-database';
import { startTestApi, type TestApi, type TestApiOptions } from './start-test-api.ts';

export interface LedgerApi extends TestApi {
  /** Brings to the ledger what is in the outbox now, as a worker does. */
  writeLedger: () => Promise<void>;
  /** Writes rows that nobody has left in the outbox. */
  addRows: (entries: readonly LedgerEntry[]) => Promise<void>;
}

/** The api with a ledger of its own, which is written as soon as a request is answered unless the test says otherwise. */
export async function startLedgerApi(
  options: TestApiOptions & { databaseUrl: string; isWritten?: boolean },
): Promise<LedgerApi> {
  const { isWritten = true, ...rest } = options;
  const { url, drop } = await createDatabase(options.databaseUrl);
  const api = await startTestApi({ ...rest, databaseUrl: url });
  const { redis, deps, generate, close } = api;
  const { keys, database } = deps;

  async function writeLedger(): Promise<void> {
    await migrateLedger(database);
    const entries = await redis.xrange(keys.ledger, '-', '+');
    if (entries.length === 0) return;
    const rows = entries.map(([, fields]) => parseLedgerEntry(fields));
    const { refused } = await writeLedgerRows(database, rows);
    if (refused[0]) throw refused[0].error;
    await redis.xdel(keys.ledger, ...entries.map(([id]) => id));
  }

  return Object.assign(api, {
    async generate(...request: Parameters<TestApi['generate']>) {
      const response = await generate(...request);
      if (isWritten) await writeLedger();
      return response;
    },
    writeLedger,
    async addRows(entries: readonly LedgerEntry[]) {
      await migrateLedger(database);
      await writeLedgerRows(database, entries);
    },
    async close() {
      await close();
      await drop();
    },
  });
}
