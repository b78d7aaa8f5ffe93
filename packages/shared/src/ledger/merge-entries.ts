import type { LedgerEntry } from './ledger-entry.ts';

/**
 * One entry per call, because one statement may not touch a row twice: what the table would come to hold if they were
 * written one by one. The first one says who, what and when; an outcome takes the place of `unsettled`.
 */
export function mergeEntries(entries: readonly LedgerEntry[]): LedgerEntry[] {
  const merged = new Map<string, LedgerEntry>();
  for (const entry of entries) {
    const key = `${entry.row.generation} ${entry.row.call}`;
    const earlier = merged.get(key);
    if (!earlier) merged.set(key, entry);
    else if (earlier.row.status === 'unsettled' && entry.row.status !== 'unsettled') {
      merged.set(key, settle(earlier, entry));
    }
  }
  return [...merged.values()];
}

function settle({ row, atMs }: LedgerEntry, { row: outcome }: LedgerEntry): LedgerEntry {
  const { kind, tenant, key, user, model, provider, endpoint, request } = row;
  return { row: { ...outcome, kind, tenant, key, user, model, provider, endpoint, request }, atMs };
}
