import type { LedgerDatabase } from '@llm-gateway/shared/ledger/database';
import { migrateLedger } from '@llm-gateway/shared/ledger/migrate-ledger';
import { sql } from 'kysely';
import { callDatabase } from './call-database.ts';
import type { WaitForLedger } from './ledger-wait.ts';

/** Asks the ledger. Throws `dependency_down` where Postgres is out of reach, always within seconds. */
export interface LedgerReader {
  read<T>(run: (database: LedgerDatabase) => Promise<T>): Promise<T>;
  /** Once all is written that has happened before; `isStale` says that it has not, and was not waited for any longer. */
  readCurrent<T>(run: (database: LedgerDatabase) => Promise<T>): Promise<{ found: T; isStale: boolean }>;
}

export function createLedgerReader(database: LedgerDatabase, waitForLedger: WaitForLedger): LedgerReader {
  let isMigrated = false;

  /** Postgres is there, and so are the tables: no worker may have run yet. */
  async function check(): Promise<void> {
    if (isMigrated) await sql`select 1`.execute(database);
    else await migrateLedger(database);
    isMigrated = true;
  }

  return {
    read: (run) =>
      callDatabase(async () => {
        if (!isMigrated) await check();
        return run(database);
      }),

    readCurrent: (run) =>
      callDatabase(async () => {
        const ended = new AbortController();
        try {
          // Asked first, because with Postgres away the outbox does not empty: nobody shall wait for that.
          const [isCurrent] = await Promise.all([waitForLedger(ended.signal), check()]);
          return { found: await run(database), isStale: !isCurrent };
        } finally {
          ended.abort();
        }
      }),
  };
}
