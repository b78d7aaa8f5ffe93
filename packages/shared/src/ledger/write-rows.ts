import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import type { LedgerDatabase } from './database.ts';
import { type Column, identityColumns, outcomeColumns } from './ledger-columns.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { mergeEntries } from './merge-entries.ts';
import { rollupCtes } from './rollups.ts';

export interface WrittenRows {
  /** Rows that were not there before. */
  inserted: number;
  /** Rows that were unsettled before. */
  changed: number;
  /** What Postgres does not take even alone, and why. */
  refused: { entry: LedgerEntry; error: unknown }[];
}

const columns = { ...identityColumns, ...outcomeColumns };
const names = Object.keys(columns).join(', ');
const settled = Object.keys(outcomeColumns).map((name) => `${name} = excluded.${name}`);

// A row that was there before the statement and is locked by it has an xmax; a new one has none.
const writeCtes = `
  written as (
    insert into ledger as old (${names}) select ${names} from given order by generation, call
    on conflict (generation, call) do update set ${settled.join(', ')}
      where old.status = 'unsettled' and excluded.status <> 'unsettled'
    returning ${names}, xmax = 0 as is_new
  ), ${rollupCtes}`;

/**
 * Writes rows and counts them in the rollups, in one statement: both or neither. A row that is there already is counted
 * once, whoever writes it again; one that was unsettled takes over what came of its call. Throws when Postgres cannot
 * be asked; then it is all to be written again, although parts may have been.
 */
export async function writeLedgerRows(database: LedgerDatabase, entries: readonly LedgerEntry[]): Promise<WrittenRows> {
  return writeOrSplit(database, mergeEntries(entries));
}

async function writeOrSplit(database: LedgerDatabase, entries: readonly LedgerEntry[]): Promise<WrittenRows> {
  const [entry] = entries;
  if (!entry) return { inserted: 0, changed: 0, refused: [] };
  try {
    return { ...(await writeInTurn(database, entries)), refused: [] };
  } catch (error) {
    if (!rowFaults.has(sqlState(error).slice(0, 2))) throw error;
    if (entries.length === 1) return { inserted: 0, changed: 0, refused: [{ entry, error }] };
  }
  const middle = Math.ceil(entries.length / 2);
  const one = await writeOrSplit(database, entries.slice(0, middle));
  const other = await writeOrSplit(database, entries.slice(middle));
  return {
    inserted: one.inserted + other.inserted,
    changed: one.changed + other.changed,
    refused: [...one.refused, ...other.refused],
  };
}

// What is wrong with a row itself: a value, a constraint, a key that is named twice, something too long for an index.
const rowFaults = new Set(['21', '22', '23', '54']);
// Writers that were in each other's way.
const conflicts = new Set(['40P01', '40001']);
const attemptsMax = 10;
const pauseMs = 20;

const sqlState = (error: unknown): string => {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
};

async function writeInTurn(database: LedgerDatabase, entries: readonly LedgerEntry[]) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write(database, entries);
    } catch (error) {
      if (attempt === attemptsMax || !conflicts.has(sqlState(error))) throw error;
      await pause(Math.random() * pauseMs * attempt);
    }
  }
}

async function write(database: LedgerDatabase, entries: readonly LedgerEntry[]) {
  const values = Object.values<Column>(columns).map(
    ({ type, value }) => sql`${entries.map((entry) => value(entry))}::${sql.raw(type)}[]`,
  );
  const { rows } = await sql<{ inserted: number; changed: number }>`
    with given (${sql.raw(names)}) as (select * from unnest(${sql.join(values)})), ${sql.raw(writeCtes)}
    select count(*) filter (where is_new)::int as inserted, count(*) filter (where not is_new)::int as changed
    from written`.execute(database);
  const [counts] = rows;
  if (!counts) throw new Error('the count of the rows written is missing');
  return counts;
}
