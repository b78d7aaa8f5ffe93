import { cachePutLua } from '@llm-gateway/shared/cache/cache-entry';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { type Failure, failureRow } from '@llm-gateway/shared/contracts/failure';
import type { FinalState } from '@llm-gateway/shared/contracts/job';
import { type JobRecord, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { usageField, usageKeys } from '@llm-gateway/shared/usage/usage-counters';
import type { Redis } from 'ioredis';

/** How a test lets a job end. */
export type Ending =
  | { state: Extract<FinalState, 'completed' | 'incomplete'>; answer: PricedAnswer }
  | { state: Exclude<FinalState, 'completed' | 'incomplete'>; failure?: Failure };

export const resultTtlMs = 60_000;

/** 11 prompt and 7 completion tokens for 97,500 nano-dollars, unless the test says otherwise. */
export const answered = (text: string, changes: Partial<PricedAnswer> = {}): Ending => ({
  state: changes.finishReason?.unified === 'length' ? 'incomplete' : 'completed',
  answer: {
    text,
    finishReason: { unified: 'stop', raw: 'stop' },
    usage: { promptTokens: 11, completionTokens: 7, totalTokens: 18 },
    usageSource: 'provider',
    providerModel: 'gpt-4o-2024-11-20',
    providerRequestId: null,
    costNanoUsd: '97500',
    priceVersion: 'test',
    ...changes,
  },
});

export const failed = (failure: Failure): Ending => ({ state: 'failed', failure });

/** What may end better under the same Idempotency-Key. */
const releasesKey = (ending: Ending): boolean => {
  const status = 'failure' in ending && ending.failure ? failureRow(ending.failure.code).status : 0;
  return ending.state === 'expired' || status === 429 || status >= 500;
};

/**
 * What a worker does at the end of a job: record, usage, cache entry, notices. A stand-in, because the api knows no
 * worker; whole processes are tested in `tests/`.
 */
export function createHand(redis: Redis, keys: Keys) {
  const endScript = defineScript(
    redis,
    `${lifecycleLua(keys)}
     local o = cjson.decode(ARGV[2])
     o.now = clock_ms()
     end_job(ARGV[1], read_record(ARGV[1]), o)
     end_followers(ARGV[1], o, false)`,
  );
  const putScript = defineScript(
    redis,
    `${cachePutLua}
     cache_put(ARGV[1], KEYS[1], KEYS[2], ARGV[2], ARGV[3], cjson.decode(ARGV[4]), tonumber(ARGV[5]), 1e9, tonumber(ARGV[6]))`,
  );

  async function keep(id: string, record: JobRecord, answer: PricedAnswer, nowMs: number): Promise<void> {
    if (record.cacheDigest === undefined) return;
    const { tenant, target, cacheNamespace = '', cacheTtlMs = 0 } = record;
    const fields = ['tenant', tenant, 'target', target, 'namespace', cacheNamespace, 'job', id, 'state', 'completed'];
    await putScript(
      [keys.cacheIndex, keys.cacheStats],
      [keys.cacheEntry(''), record.cacheDigest, JSON.stringify(answer), JSON.stringify(fields), cacheTtlMs, nowMs],
    );
  }

  async function count({ tenant, user, target }: JobRecord, { usage, costNanoUsd }: PricedAnswer): Promise<void> {
    const pipeline = redis.pipeline();
    for (const key of usageKeys(keys, tenant, user, new Date())) {
      pipeline.hincrby(key, usageField(target, 'requests'), 1);
      pipeline.hincrby(key, usageField(target, 'promptTokens'), usage.promptTokens);
      pipeline.hincrby(key, usageField(target, 'completionTokens'), usage.completionTokens);
      pipeline.hincrby(key, usageField(target, 'nanoUsd'), costNanoUsd ?? 0);
    }
    await pipeline.exec();
  }

  return {
    /** Says that a worker has begun the job. */
    begin: (id: string) => redis.hset(keys.job(id), { state: 'in_progress', attempt: 1, startedMs: Date.now() }),

    /** Ends the job. Without a notice its waiters are left to find out for themselves. */
    async settle(id: string, ending: Ending, { notice = true } = {}): Promise<void> {
      const record = parseJobRecord(await redis.hgetall(keys.job(id)));
      if (!record) throw new Error(`there is no job ${id}`);
      const answer = 'answer' in ending ? ending.answer : undefined;
      const failure = 'failure' in ending ? ending.failure : undefined;
      if (answer) {
        await count(record, answer);
        await keep(id, record, answer, Date.now());
      }
      if (!notice) await redis.del(keys.readers(id));
      await redis.hset(keys.job(id), { attempt: 1, resultTtlMs });
      const free = [usageField(record.target, 'requests'), 1, usageField(record.target, 'coalesced'), 1];
      const outcome = {
        state: ending.state,
        answer: answer && JSON.stringify(answer),
        failure: failure && JSON.stringify(failure),
        releases_key: releasesKey(ending),
        free_counts: free,
        day: new Date().toISOString().slice(0, 10),
      };
      await endScript([keys.job(id)], [id, JSON.stringify(outcome)]);
    },
  };
}

export type Hand = ReturnType<typeof createHand>;
