import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { bookedCall, type CallFacts } from './settlement/booked-call.ts';
import type { RunName } from './settlement/end-job.ts';
import { createSettlement, type NextAttempt, type Settlement } from './settlement/settlement.ts';
import {
  acceptHeldJob,
  acceptJob,
  followJob,
  readJob,
  readLog,
  readRows,
  readSpend,
  stopJob,
  type TestFields,
  type TestHold,
} from './test-job.ts';

/** A call that took 1.2 s, as the story of a run books it. For tests. */
export const testCall = ({ id }: Pick<RunName, 'id'>, record: JobRecord, facts: Pick<CallFacts, 'status' | 'used'>) =>
  bookedCall(id, record, { ...facts, latencyMs: 1200, firstTokenMs: null });

/** A settlement that makes the call that each ending books. For tests. */
export const withCalls = (settlement: Settlement) => ({
  ...settlement,
  settle: (run: RunName, record: JobRecord, answer: PricedAnswer, events?: readonly JobEvent[]) =>
    settlement.settle(run, record, answer, testCall(run, record, { status: 'completed', used: answer }), events),
  fail: (run: RunName, record: JobRecord, failure: Failure, events?: readonly JobEvent[]) =>
    settlement.fail(run, record, failure, testCall(run, record, { status: 'failed', used: 'none' }), events),
  stop: (
    run: RunName,
    record: JobRecord,
    reason: StopReason,
    used: PricedAnswer | undefined,
    events?: readonly JobEvent[],
  ) =>
    settlement.stop(
      run,
      record,
      reason,
      used,
      testCall(run, record, { status: 'aborted', used: used ?? 'unknown' }),
      events,
    ),
  /** Without word of its call: it is given up before the provider has begun to answer. */
  release: (run: RunName, next: NextAttempt) => settlement.release(run, next, undefined),
});

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
    settlement: () => withCalls(settlement),
    /** As it is, for tests of what is booked. */
    bareSettlement: () => settlement,
    /** Rows that are on their way to the ledger, oldest first. */
    rows: () => readRows(redis, keys),
    /** What somebody has spent, of all time unless a period is named. */
    spend: (subject: string, period?: string) => readSpend(redis, keys, subject, period),
    accept: (fields?: TestFields) => acceptJob(redis, keys, fields),
    acceptHeld: (hold: TestHold, fields?: TestFields) => acceptHeldJob(redis, keys, hold, fields),
    follow: (leader: string, fields?: TestFields) => followJob(redis, keys, leader, fields),
    followHeld: (leader: string, hold: TestHold, fields?: TestFields) =>
      acceptHeldJob(redis, keys, hold, fields, (all) => followJob(redis, keys, leader, all)),
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
