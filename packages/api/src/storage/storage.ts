import type { LedgerDatabase } from '@llm-gateway/shared/ledger/database';
import { type Migrations, migrate } from '@llm-gateway/shared/ledger/migrate';
import type { Kysely } from 'kysely';
import { callDatabase } from '../usage/call-database.ts';
import { storage0001 } from './migrations/0001-files-and-batches.ts';
import type { StorageTables } from './storage-tables.ts';

export type StorageDatabase = Kysely<StorageTables>;

const migrations: Migrations = {
  table: 'storage_migration',
  steps: { '0001-files-and-batches': storage0001 },
};

const away = 'The database of files and batches is not available. Everything else goes on.';

/** Runs statements on files and batches. Throws `dependency_down` where Postgres is out of reach. */
export type Storage = <T>(run: (database: StorageDatabase) => Promise<T>) => Promise<T>;

/** Files and batches live beside the ledger, in tables that only api processes use. */
export function createStorage(ledger: LedgerDatabase): Storage {
  const database = ledger.withTables<StorageTables>() as unknown as StorageDatabase;
  let isMigrated = false;

  return (run) =>
    callDatabase(async () => {
      if (!isMigrated) await migrate(database, migrations);
      isMigrated = true;
      return run(database);
    }, away);
}
