import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { createSettlement, type Settlement } from './settlement/settlement.ts';
import { acceptJob, followJob, readJob, readLog, stopJob, type TestFields } from './test-job.ts';

/** A settlement on a real Redis, with keys of its own for each test, and what is done to jobs beside it. For tests. */
export function openSettlementBench() {
  let redis: Redis;
  let keys: Keys;
  let settlement: Settlement;
  beforeAll(() => {
    redis = new Redis(inject('redisUrl'));
  });
  beforeEach(() => {
    keys = createKeys(`test-${randomUUID()}`);
    settlement = createSettlement({ redis, keys, cacheMaxBytes: 1_000_000 });
  });
  afterAll(() => redis.quit());

  return {
    redis: () => redis,
    keys: () => keys,
    settlement: () => settlement,
    accept: (fields?: TestFields) => acceptJob(redis, keys, fields),
    follow: (leader: string, fields?: TestFields) => followJob(redis, keys, leader, fields),
    stop: (id: string, reason: StopReason = 'cancel') => stopJob(redis, keys, id, reason),
    read: (id: string) => readJob(redis, keys, id),
    log: (id: string) => readLog(redis, keys, id),
    async begin(id: string, attempt = 1, run: string = randomUUID()) {
      const beginning = await settlement.begin(id, attempt, run);
      if (beginning.kind !== 'run') throw new Error(`${id} is ${beginning.kind}`);
      return { ...beginning, run: { id, run } };
    },
  };
}
