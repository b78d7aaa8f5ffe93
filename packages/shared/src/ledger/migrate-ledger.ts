import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { LedgerDatabase } from './database.ts';
import { ledger0001 } from './migrations/0001-ledger.ts';

/** In the order of their names. What has landed is never edited: a change is a further one. */
const migrations: Record<string, readonly string[]> = {
  '0001-ledger': ledger0001,
};

const table = 'ledger_migration';
const undefinedTable = '42P01';

const toMigration = (statements: readonly string[]): Migration => ({
  async up(database: Kysely<unknown>) {
    for (const statement of statements) await sql.raw(statement).execute(database);
  },
});

/**
 * Brings the tables up to date. Several processes may do so at once: they take turns. A database that a newer version
 * has been at is left as it is. Throws when Postgres is away; then nothing has changed.
 */
export async function migrateLedger(database: LedgerDatabase): Promise<void> {
  if (await isUpToDate(database)) return;
  const migrator = new Migrator({
    db: database,
    provider: {
      getMigrations: async () =>
        Object.fromEntries(Object.entries(migrations).map(([name, statements]) => [name, toMigration(statements)])),
    },
    migrationTableName: table,
    migrationLockTableName: `${table}_lock`,
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

/** Asked first because the migrator takes a migration that it does not know, a newer version's, for a broken database. */
async function isUpToDate(database: LedgerDatabase): Promise<boolean> {
  try {
    const { rows } = await sql<{ name: string }>`select name from ${sql.table(table)}`.execute(database);
    const done = new Set(rows.map(({ name }) => name));
    return Object.keys(migrations).every((name) => done.has(name));
  } catch (error) {
    if ((error as { code?: unknown }).code === undefinedTable) return false;
    throw error;
  }
}
