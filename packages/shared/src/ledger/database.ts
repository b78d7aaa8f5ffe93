import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Logger } from '../observability/logger.ts';
import { throttle } from '../observability/throttle.ts';
import { boundedPool } from './bounded-pool.ts';
import type { LedgerTables } from './ledger-tables.ts';

export type LedgerDatabase = Kysely<LedgerTables>;

export interface OpenDatabaseOptions {
  /** Shown by pg_stat_activity, so that an operator knows whose connection it is. */
  name: string;
  poolMax: number;
  /** The server gives up a statement that runs longer. */
  statementTimeoutMs: number;
  /** How long it may take to get a connection: a new one, or one of the pool. */
  connectTimeoutMs?: number;
  log: Logger;
}

// What the server may be late by with its word that it gave up: after that it hangs, or nothing of it comes through.
const answerGraceMs = 2000;

/**
 * Opens a pool of connections to Postgres. Nothing connects before the first query, and a server that is away, hangs
 * or cannot be reached fails each query in a bounded time. `bigint` and `numeric` come as decimal strings.
 */
export function openDatabase(url: string, options: OpenDatabaseOptions): LedgerDatabase {
  const { name, poolMax, statementTimeoutMs, connectTimeoutMs = 2000, log } = options;
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max: poolMax,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const report = throttle(1000, (error: Error, skipped: number) =>
    log.error(
      { event: 'postgres_error', connection: name, error: error.message, skipped },
      'postgres connection error',
    ),
  );
  pool.on('error', report);
  // The pool listens to idle connections only; one that breaks between two queries of its user would end the process.
  pool.on('connect', (client) => client.on('error', report));
  return new Kysely({
    dialect: new PostgresDialect({ pool: boundedPool(pool, statementTimeoutMs + answerGraceMs) }),
  });
}
