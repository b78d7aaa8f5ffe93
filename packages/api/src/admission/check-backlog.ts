import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { remember } from '../remember.ts';

export interface BacklogOptions {
  redis: Redis;
  keys: Keys;
  /** Rows of the ledger that may wait for Postgres. */
  backlogMax: number;
}

const retryMs = 30_000;

/**
 * Refuses new work while the ledger is too far behind: its rows wait in Redis, and a Redis without memory loses what is
 * under way. Throws `dependency_down`.
 */
export function createBacklogCheck({ redis, keys, backlogMax }: BacklogOptions) {
  const length = remember(() => callRedis(() => redis.xlen(keys.ledger)));
  return async (): Promise<void> => {
    if ((await length()) < backlogMax) return;
    throw new GatewayError({
      code: 'dependency_down',
      detail: 'The ledger cannot be written: PostgreSQL has been away for too long.',
      retryAfterMs: retryMs,
    });
  };
}

export type BacklogCheck = ReturnType<typeof createBacklogCheck>;
