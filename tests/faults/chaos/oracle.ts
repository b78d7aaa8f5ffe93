import { type JobRecord, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import type { Bill, SandboxClient } from '@llm-gateway/testkit/sandbox-client';
import type { Redis } from 'ioredis';

/** A job as the store keeps it, read without the gateway. */
export interface StoredJob {
  record: JobRecord;
  /** Runs that ended without a word. */
  losses: number;
}

export async function readJobs(redis: Redis, keyPrefix: string): Promise<Map<string, StoredJob>> {
  const prefix = createKeys(keyPrefix).job('');
  const jobs = new Map<string, StoredJob>();
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1000 })) {
    for (const key of keys as string[]) {
      const hash = await redis.hgetall(key);
      const record = parseJobRecord(hash);
      if (record) jobs.set(key.slice(prefix.length), { record, losses: Number(hash.losses ?? 0) });
    }
  }
  return jobs;
}

export interface Sums {
  requests: number;
  promptTokens: number;
  completionTokens: number;
  nanoUsd: bigint;
}

/** What the counters of each user must say: the sum over the records that hold an answer. Who shared a call pays nothing. */
export function sumsByUser(jobs: Iterable<StoredJob>): Map<string, Sums> {
  const sums = new Map<string, Sums>();
  for (const { record } of jobs) {
    if (!record.answer) continue;
    const { usage, costNanoUsd } = record.answer;
    const share = record.free ? 0 : 1;
    const sum = sums.get(record.user) ?? { requests: 0, promptTokens: 0, completionTokens: 0, nanoUsd: 0n };
    sum.requests += 1;
    sum.promptTokens += share * usage.promptTokens;
    sum.completionTokens += share * usage.completionTokens;
    sum.nanoUsd += BigInt(share) * BigInt(costNanoUsd ?? 0);
    sums.set(record.user, sum);
  }
  return sums;
}

export interface Duplicates {
  /** Calls that were paid in full and are in no record. */
  complete: number;
  /** Calls that were cut off after the provider had begun to write. */
  partial: number;
  /** Those of them that no lost run of their job explains. */
  unexplained: string[];
}

/**
 * The provider's bill beside the records: every call beyond the one that is counted must have a lost run behind it, or a
 * cancellation that came in the moment of its end.
 */
export function findDuplicates(bill: Bill, jobs: ReadonlyMap<string, StoredJob>): Duplicates {
  const known = new Map<string, { answered: number; losses: number }>();
  for (const { record, losses } of jobs.values()) {
    // Who pays for the call of a leader that left has it under that one's request.
    const caller = (record.leader === undefined ? undefined : jobs.get(record.leader)?.record) ?? record;
    const entry = known.get(caller.request) ?? { answered: 0, losses: 0 };
    entry.answered += record.answer && !record.failure && !record.free ? 1 : 0;
    entry.losses += losses + (record.state === 'cancelled' ? 1 : 0);
    known.set(caller.request, entry);
  }
  const completed = bill.entries.filter(({ outcome }) => outcome === 'completed');
  const unexplained: string[] = [];
  let complete = 0;
  for (const [requestId, calls] of Map.groupBy(completed, ({ request_id }) => request_id ?? '')) {
    const { answered, losses } = known.get(requestId) ?? { answered: 0, losses: 0 };
    complete += calls.length - answered;
    if (calls.length - answered > losses || calls.length < answered)
      unexplained.push(`${requestId}: ${calls.length} calls, ${answered} answers, ${losses} lost runs`);
  }
  return { complete, partial: bill.entries.length - completed.length, unexplained };
}

/** The bill, once no call is under way any more. */
export async function finalBill(sandbox: SandboxClient): Promise<Bill | undefined> {
  const calls = await sandbox.calls();
  return calls.some(({ state }) => state === 'open') ? undefined : sandbox.bill();
}
