import type { LedgerDatabase } from '@llm-gateway/shared/ledger/database';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { sql } from 'kysely';
import { remember } from '../remember.ts';

/** Rows on their way to the ledger. */
export interface LedgerBacklog {
  rows: number;
  /** Age of the oldest one; 0 without one. */
  oldestS: number;
}

/** How the ledger is. Nothing here throws, and nothing takes long. */
export interface LedgerWatch {
  isConnected(): Promise<boolean>;
  /** Null where Redis is out of reach. */
  backlog(): Promise<LedgerBacklog | null>;
}

const askMs = 1000;
const keptMs = 1000;

export function createLedgerWatch(database: LedgerDatabase, redis: Redis, keys: Keys): LedgerWatch {
  return {
    isConnected: remember(() => answersInTime(database), keptMs),
    backlog: () => measureBacklog(redis, keys).catch(() => null),
  };
}

async function answersInTime(database: LedgerDatabase): Promise<boolean> {
  const asked = sql`select 1`.execute(database).then(
    () => true,
    () => false,
  );
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), askMs);
  return Promise.race([asked, late.promise]).finally(() => clearTimeout(timer));
}

async function measureBacklog(redis: Redis, keys: Keys): Promise<LedgerBacklog> {
  // By the clock of Redis, which the ids of a stream begin with.
  const [rows, [oldest], [seconds]] = await Promise.all([
    redis.xlen(keys.ledger),
    redis.xrange(keys.ledger, '-', '+', 'COUNT', 1),
    redis.time(),
  ]);
  if (!oldest) return { rows, oldestS: 0 };
  return { rows, oldestS: Math.max(0, Number(seconds) - Math.floor(Number.parseInt(oldest[0], 10) / 1000)) };
}
