import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { type Failure, failureRow } from '@llm-gateway/shared/contracts/failure';
import type { FinalState } from '@llm-gateway/shared/contracts/job';
import type { NewLedgerRow } from '@llm-gateway/shared/contracts/ledger-row';
import { type JobRecord, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { createKeeper } from './keep-answer.ts';

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

/** The one call of a job that a worker would have booked. */
function callOf(id: string, record: JobRecord, status: 'completed' | 'incomplete', answer: PricedAnswer) {
  const { tenant, key = '', user, endpoint, request } = record;
  const { promptTokens, completionTokens } = answer.usage;
  const row: NewLedgerRow = {
    generation: id,
    call: 1,
    kind: 'call',
    status,
    tenant,
    key,
    user,
    model: record.target,
    provider: record.lane,
    endpoint,
    request,
    promptTokens,
    completionTokens,
    usageSource: answer.usageSource,
    costNanoUsd: answer.costNanoUsd,
    priceVersion: answer.priceVersion,
    latencyMs: 1,
    firstTokenMs: null,
    providerRequest: null,
  };
  const nano = answer.costNanoUsd ?? '0';
  return { call: 1, row: JSON.stringify(row), nano, tokens: promptTokens + completionTokens };
}

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
     local record = read_record(ARGV[1])
     if o.call then
       book_call(ARGV[1], record, o.call, o.now)
       o.nano = o.call.nano
     end
     end_job(ARGV[1], record, o)
     end_followers(ARGV[1], o)`,
  );
  const appendScript = defineScript(
    redis,
    `${lifecycleLua(keys)} log_append(ARGV[1], { unpack(ARGV, 2) }, clock_ms())`,
  );
  const keepAnswer = createKeeper(redis, keys);

  async function keep(id: string, record: JobRecord, answer: PricedAnswer): Promise<void> {
    const { tenant, user, target, cacheDigest: digest, cacheNamespace: namespace, cacheTtlMs: ttlMs = 0 } = record;
    if (digest === undefined) return;
    const origin = { digest, tenant, user, target, namespace, job: id, state: 'completed' } as const;
    await keepAnswer({ ...origin, answer: JSON.stringify(answer), ttlMs, costNanoUsd: answer.costNanoUsd });
  }

  return {
    /** Says that a worker has begun the job. */
    begin: (id: string) => redis.hset(keys.job(id), { state: 'in_progress', attempt: 1, startedMs: Date.now() }),

    /** Writes to the job's log. */
    write: (id: string, events: readonly JobEvent[]) =>
      appendScript([keys.job(id)], [id, ...events.map((event) => JSON.stringify(event))]),

    /** Ends the job. Without a notice its waiters are left to find out for themselves. */
    async settle(id: string, ending: Ending, { notice = true } = {}): Promise<void> {
      const record = parseJobRecord(await redis.hgetall(keys.job(id)));
      if (!record) throw new Error(`there is no job ${id}`);
      const answer = 'answer' in ending ? ending.answer : undefined;
      const failure = 'failure' in ending ? ending.failure : undefined;
      if (answer) await keep(id, record, answer);
      if (!notice) await redis.del(keys.readers(id));
      await redis.hset(keys.job(id), { attempt: 1, resultTtlMs });
      const outcome = {
        state: ending.state,
        answer: answer && JSON.stringify(answer),
        failure: failure && JSON.stringify(failure),
        releases_key: releasesKey(ending),
        call: answer && callOf(id, record, ending.state === 'incomplete' ? 'incomplete' : 'completed', answer),
      };
      await endScript([keys.job(id)], [id, JSON.stringify(outcome)]);
    },
  };
}

export type Hand = ReturnType<typeof createHand>;
