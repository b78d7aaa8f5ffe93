import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';

export interface Migrations {
  /** Where it is kept what has been done. */
  table: string;
  /** Statements by name, in the order of the names. What has landed is never edited: a change is a further one. */
  steps: Record<string, readonly string[]>;
}

const undefinedTable = '42P01';

const toMigration = (statements: readonly string[]): Migration => ({
  async up(database: Kysely<unknown>) {
    for (const statement of statements) await sql.raw(statement).execute(database);
  },
});

/**
 * Brings tables up to date. Several processes may do so at once: they take turns. A database that a newer version
 * has been at is left as it is. Throws when Postgres is away; then nothing has changed.
 */
export async function migrate<Tables>(database: Kysely<Tables>, migrations: Migrations): Promise<void> {
  if (await isUpToDate(database, migrations)) return;
  const { table, steps } = migrations;
  const migrator = new Migrator({
    db: database,
    provider: {
      getMigrations: async () =>
        Object.fromEntries(Object.entries(steps).map(([name, statements]) => [name, toMigration(statements)])),
    },
    migrationTableName: table,
    migrationLockTableName: `${table}_lock`,
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

/** Asked first because the migrator takes a migration that it does not know, a newer version's, for a broken database. */
async function isUpToDate<Tables>(database: Kysely<Tables>, { table, steps }: Migrations): Promise<boolean> {
  try {
    const { rows } = await sql<{ name: string }>`select name from ${sql.table(table)}`.execute(database);
    const done = new Set(rows.map(({ name }) => name));
    return Object.keys(steps).every((name) => done.has(name));
  } catch (error) {
    if ((error as { code?: unknown }).code === undefinedTable) return false;
    throw error;
  }
}
