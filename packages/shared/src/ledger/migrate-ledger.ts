import type { LedgerDatabase } from './database.ts';
import { type Migrations, migrate } from './migrate.ts';
import { ledger0001 } from './migrations/0001-ledger.ts';

const migrations: Migrations = {
  table: 'ledger_migration',
  steps: { '0001-ledger': ledger0001 },
};

/** Brings the tables of the ledger up to date. */
export const migrateLedger = (database: LedgerDatabase): Promise<void> => migrate(database, migrations);
