import { z } from 'zod';
import { type LedgerRow, ledgerRow } from '../contracts/ledger-row.ts';
import { pairsToHash } from '../redis/pairs-to-hash.ts';

/** A row of the ledger and when it was written, by the clock of Redis. */
export interface LedgerEntry {
  row: LedgerRow;
  atMs: number;
}

// The last time that has a year of four digits.
const timeMaxMs = 253_402_300_799_999;

const entryFields = z.object({
  row: z.string().transform((text) => ledgerRow.parse(withoutNul(JSON.parse(text)))),
  t: z.coerce.number().int().min(0).max(timeMaxMs),
});

/** Postgres keeps no NUL character in a text: what is written, and what is asked for, has U+FFFD in its place. */
export const ledgerText = (text: string): string => text.replaceAll('\0', '\ufffd');

const withoutNul = (row: unknown): unknown =>
  typeof row !== 'object' || row === null
    ? row
    : Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, typeof value === 'string' ? ledgerText(value) : value]),
      );

/** Reads an entry of the outbox, as scripts leave it: `row` and `t`. Throws for what is no row. */
export function parseLedgerEntry(fields: readonly string[]): LedgerEntry {
  const { row, t } = entryFields.parse(pairsToHash(fields));
  return { row, atMs: t };
}
