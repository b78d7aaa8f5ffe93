import { type LedgerDatabase, openDatabase } from '@llm-gateway/shared/ledger/database';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { createLedgerReader, type LedgerReader } from './ledger-reader.ts';
import { createLedgerWait } from './ledger-wait.ts';
import { createLedgerWatch, type LedgerWatch } from './ledger-watch.ts';

export interface LedgerDeps {
  /** Closed by the drain. */
  database: LedgerDatabase;
  ledger: LedgerReader;
  ledgerWatch: LedgerWatch;
}

export interface OpenLedgerOptions {
  databaseUrl: string;
  redis: Redis;
  keys: Keys;
  log: Logger;
}

// A client waits: what takes longer is refused, and does not keep others from the pool for long.
const pool = { name: 'gateway-api', poolMax: 10, statementTimeoutMs: 5000 };

/** All that the api needs of the ledger. Postgres may be away: then what needs it is refused. */
export function openLedger({ databaseUrl, redis, keys, log }: OpenLedgerOptions): LedgerDeps {
  const database = openDatabase(databaseUrl, { ...pool, log });
  return {
    database,
    ledger: createLedgerReader(database, createLedgerWait({ redis, keys })),
    ledgerWatch: createLedgerWatch(database, redis, keys),
  };
}
