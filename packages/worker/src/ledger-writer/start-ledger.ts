import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '@llm-gateway/shared/ledger/database';
import { type LedgerWriterOptions, startLedgerWriter } from './ledger-writer.ts';

export interface StartLedgerOptions extends Omit<LedgerWriterOptions, 'database'> {
  databaseUrl: string;
}

// One batch is written at a time. No client waits for it, so that a slow Postgres gets time.
const pool = { name: 'gateway-worker', poolMax: 2, statementTimeoutMs: 30_000 };
// A server that hangs would keep its connections open.
const closeMs = 1000;

/** All that the ledger needs of a worker process. It may start before Postgres does. */
export function startLedger({ databaseUrl, ...options }: StartLedgerOptions): { close(): Promise<void> } {
  const database = openDatabase(databaseUrl, { ...pool, log: options.log });
  const writer = startLedgerWriter({ ...options, database });
  return {
    async close() {
      await writer.close();
      await Promise.race([database.destroy(), pause(closeMs, undefined, { ref: false })]);
    },
  };
}
