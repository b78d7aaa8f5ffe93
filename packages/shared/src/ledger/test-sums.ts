import { sql } from 'kysely';
import type { LedgerDatabase } from './database.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/** The rows of the rollups, each sorted, with sums as numbers. */
export interface Rollups {
  usage_day: SumRow[];
  usage_user_day: SumRow[];
  usage_user_month: SumRow[];
  latency_day: SumRow[];
}

type SumRow = Record<string, string | number>;

const keys = {
  usage_day: ['tenant', 'day', 'key', 'model', 'provider'],
  usage_user_day: ['tenant', 'user_id', 'day', 'key', 'model', 'provider'],
  usage_user_month: ['tenant', 'month', 'user_id', 'key', 'model', 'provider'],
  latency_day: ['tenant', 'day', 'model', 'provider', 'measure', 'bucket'],
} as const;

const tables = Object.keys(keys) as (keyof Rollups)[];

/** What the database holds. */
export async function readRollups(database: LedgerDatabase): Promise<Rollups> {
  const read = async (table: keyof Rollups) => {
    const { rows } = await sql<{ row: SumRow }>`select to_jsonb(t) as row from ${sql.table(table)} as t`.execute(
      database,
    );
    return [table, sorted(rows.map(({ row }) => row))] as const;
  };
  return Object.fromEntries(await Promise.all(tables.map(read))) as unknown as Rollups;
}

/** What the rollups must hold once these have been written in this order: every call once, the first outcome of each. */
export function plainSums(entries: readonly LedgerEntry[]): Rollups {
  const sums = Object.fromEntries(tables.map((table) => [table, new Map()])) as unknown as {
    [table in keyof Rollups]: Map<string, SumRow>;
  };
  for (const entry of plainLedger(entries)) {
    const day = new Date(entry.atMs).toISOString().slice(0, 10);
    const who = {
      ...pick(entry.row, 'tenant', 'key', 'model', 'provider'),
      user_id: entry.row.user,
      day,
      month: `${day.slice(0, 7)}-01`,
    };
    const counts = countsOf(entry);
    add(sums.usage_day, 'usage_day', who, counts);
    add(sums.usage_user_day, 'usage_user_day', who, counts);
    add(sums.usage_user_month, 'usage_user_month', who, counts);
    const { kind, status, latencyMs, firstTokenMs } = entry.row;
    if (kind !== 'call' || (status !== 'completed' && status !== 'incomplete')) continue;
    for (const [measure, ms] of Object.entries({ latency: latencyMs, first_token: firstTokenMs })) {
      if (ms === null) continue;
      const bucket = ms <= 1 ? 0 : Math.ceil(Math.log(ms) / Math.log(1.1));
      add(sums.latency_day, 'latency_day', { ...who, measure, bucket }, { count: 1 });
    }
  }
  return Object.fromEntries(tables.map((table) => [table, sorted([...sums[table].values()])])) as unknown as Rollups;
}

function plainLedger(entries: readonly LedgerEntry[]): LedgerEntry[] {
  const ledger = new Map<string, LedgerEntry>();
  for (const { row, atMs } of entries) {
    const name = JSON.stringify([row.generation, row.call]);
    const known = ledger.get(name);
    if (known && (known.row.status !== 'unsettled' || row.status === 'unsettled')) continue;
    const identity = known ? pick(known.row, 'kind', 'tenant', 'key', 'user', 'model', 'provider') : {};
    ledger.set(name, { row: { ...row, ...identity }, atMs: known?.atMs ?? atMs });
  }
  return [...ledger.values()];
}

function countsOf({ row }: LedgerEntry): Record<string, number> {
  const isCall = row.kind === 'call';
  const isUsed = row.usageSource === 'provider' || row.usageSource === 'estimated';
  return {
    requests: Number(
      !isCall ||
        ['completed', 'incomplete'].includes(row.status) ||
        (row.status === 'aborted' && row.code !== undefined && row.usageSource === 'estimated'),
    ),
    calls: Number(isCall),
    cached: Number(row.kind === 'cached'),
    coalesced: Number(row.kind === 'coalesced'),
    failed: Number(isCall && row.status === 'failed'),
    duplicates: Number(isCall && row.status === 'duplicate'),
    unsettled: Number(row.status === 'unsettled'),
    prompt_tokens: row.promptTokens,
    completion_tokens: row.completionTokens,
    cached_prompt_tokens: row.cachedPromptTokens,
    cache_write_tokens: row.cacheWriteTokens,
    reasoning_tokens: row.reasoningTokens,
    cost_nano_usd: Number(row.costNanoUsd ?? 0),
    saved_nano_usd: Number(row.savedNanoUsd),
    unpriced: Number(isCall && isUsed && row.costNanoUsd === null),
    estimated: Number(isCall && row.usageSource === 'estimated'),
  };
}

function add(into: Map<string, SumRow>, table: keyof Rollups, who: SumRow, counts: Record<string, number>): void {
  const key = Object.fromEntries(keys[table].map((name) => [name, who[name] ?? '']));
  const name = JSON.stringify(key);
  const sums = into.get(name) ?? key;
  for (const [measure, count] of Object.entries(counts)) sums[measure] = Number(sums[measure] ?? 0) + count;
  into.set(name, sums);
}

const sorted = (rows: SumRow[]): SumRow[] =>
  rows
    .map((row) => [JSON.stringify(Object.entries(row).sort()), row] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, row]) => row);

const pick = <T, Name extends keyof T>(from: T, ...names: Name[]): Pick<T, Name> =>
  Object.fromEntries(names.map((name) => [name, from[name]])) as Pick<T, Name>;
