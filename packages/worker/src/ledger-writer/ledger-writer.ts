import { setTimeout as pause } from 'node:timers/promises';
import type { LedgerDatabase } from '@llm-gateway/shared/ledger/database';
import { type LedgerEntry, parseLedgerEntry } from '@llm-gateway/shared/ledger/ledger-entry';
import { migrateLedger } from '@llm-gateway/shared/ledger/migrate-ledger';
import { writeLedgerRows } from '@llm-gateway/shared/ledger/write-rows';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import { throttle } from '@llm-gateway/shared/observability/throttle';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import type { Redis } from 'ioredis';
import { type Follower, followOutbox } from '../outbox/follow-outbox.ts';
import type { Outbox, RawEntry } from '../outbox/outbox.ts';

export interface LedgerWriterOptions {
  redis: Redis;
  /** A connection of its own, because reading blocks it. */
  reader: Redis;
  keys: Keys;
  database: LedgerDatabase;
  metrics: Pick<Metrics, 'ledgerRows' | 'ledgerWriteSeconds'>;
  log: Logger;
  /** How long rows are left to the process that took them before that is taken for dead. */
  claimAfterMs?: number;
}

// Rows of a writer that is slower than that are taken by another too: they are written once all the same.
const claimMs = 10_000;
const batch = 500;
// Rows of a busy time go together: a statement costs a Postgres as much for one row as for thirty.
const restMs = 50;
const backoffMinMs = 50;
const backoffMaxMs = 1000;
// Enough to find out what is wrong; a fault of ours that refuses everything shall not fill Redis.
const refusedMax = 100_000;

/** A row that the ledger does not take, as it was left in the outbox. */
interface Refused {
  fields: Record<string, string>;
  error: unknown;
}

/**
 * Brings the rows of the ledger from Redis to Postgres. A row leaves the outbox when it is in the ledger for good, so a
 * crash anywhere makes another process write it again, which changes nothing; while Postgres is away rows wait. One
 * that Postgres does not take is set aside, and the others go on.
 */
export function startLedgerWriter(options: LedgerWriterOptions): Follower {
  const { redis, reader, keys, claimAfterMs = claimMs, log } = options;
  const report = throttle(10_000, (error: unknown, skipped: number) =>
    log.error({ event: 'ledger_write_error', err: error, skipped }, 'the ledger is not written; it is tried again'),
  );
  let isMigrated = false;

  async function write(entries: readonly RawEntry[], outbox: Outbox): Promise<void> {
    if (!isMigrated) await migrateLedger(options.database);
    isMigrated = true;
    const refused = await writeRows(entries, options);
    await setAside(refused, options);
    await outbox.remove(...entries.map(([id]) => id));
  }

  /** Until it is done: nothing else is taken meanwhile, and what is in hand is not lost with the process. */
  async function writeOrRetry(entries: readonly RawEntry[], outbox: Outbox, closing: AbortSignal): Promise<void> {
    for (let backoffMs = backoffMinMs; ; backoffMs = Math.min(2 * backoffMs, backoffMaxMs)) {
      try {
        return await write(entries, outbox);
      } catch (error) {
        report(error);
      }
      await pause(backoffMs, undefined, { signal: closing });
    }
  }

  return followOutbox({
    redis,
    reader,
    stream: keys.ledger,
    group: 'ledger-writer',
    batch,
    claimAfterMs,
    restMs,
    handle: writeOrRetry,
    onError: report,
  });
}

/** Writes a batch, and says what of it nobody could write. Throws when Postgres cannot be asked. */
async function writeRows(
  entries: readonly RawEntry[],
  { database, metrics }: Pick<LedgerWriterOptions, 'database' | 'metrics'>,
): Promise<Refused[]> {
  const rows: LedgerEntry[] = [];
  const unread: Refused[] = [];
  for (const [, fields] of entries) {
    try {
      rows.push(parseLedgerEntry(fields));
    } catch (error) {
      unread.push({ fields: pairsToHash(fields), error });
    }
  }
  const endTimer = metrics.ledgerWriteSeconds.startTimer();
  const { inserted, changed, refused } = await writeLedgerRows(database, rows);
  endTimer();
  metrics.ledgerRows.inc({ outcome: 'written' }, inserted);
  metrics.ledgerRows.inc({ outcome: 'settled' }, changed);
  metrics.ledgerRows.inc({ outcome: 'refused' }, unread.length + refused.length);
  const untaken = refused.map(({ entry, error }) => ({
    fields: { row: JSON.stringify(entry.row), t: String(entry.atMs) },
    error,
  }));
  return [...unread, ...untaken];
}

/** Keeps what was refused where an operator finds it: with its reason, and as it was. */
async function setAside(
  refused: readonly Refused[],
  { redis, keys, log }: Pick<LedgerWriterOptions, 'redis' | 'keys' | 'log'>,
): Promise<void> {
  for (const { fields, error } of refused) {
    const reason = error instanceof Error ? error.message : String(error);
    const parts = Object.entries({ ...fields, reason }).flat();
    const id = await redis.xadd(keys.ledgerRefused, 'MAXLEN', '~', refusedMax, '*', ...parts);
    log.error(
      { event: 'ledger_row_refused', refused_id: id, err: error },
      'a row is not in the ledger: see the reason',
    );
  }
}
