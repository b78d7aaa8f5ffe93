import { cachePutLua, isCacheable } from '@llm-gateway/shared/cache/cache-entry';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { FinalState } from '@llm-gateway/shared/contracts/job';
import { type JobRecord, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import { countUsageLua, usageField, usageKeys } from '@llm-gateway/shared/usage/usage-counters';
import type { Redis } from 'ioredis';
import type { Run } from '../run.ts';

export interface SettlementOptions {
  redis: Redis;
  keys: Keys;
  /** How long a finished job can be fetched. */
  resultTtlMs: number;
  cacheMaxBytes: number;
}

export type Beginning =
  /** The job has ended, by another run or by an earlier one whose end BullMQ did not hear of. */
  { kind: 'ended' } | { kind: 'missing' } | { kind: 'run'; record: JobRecord; losses: number };

/** `superseded`: the failure of a run whose job another run has taken over. */
export type Settled = 'settled' | 'ended' | 'superseded' | 'missing';

const finalStateOf = (answer: PricedAnswer): FinalState =>
  answer.finishReason.unified === 'length' || answer.finishReason.unified === 'content_filter'
    ? 'incomplete'
    : 'completed';

/** What the cache keeps beside the answer: whose it is, and by what it can be cleared. */
const cacheFields = (id: string, { tenant, target, cacheNamespace = '' }: JobRecord, state: FinalState): string[] =>
  Object.entries({ tenant, namespace: cacheNamespace, target, job: id, state }).flat();

function usageCounts(record: JobRecord, answer: PricedAnswer): (string | number)[] {
  const model = record.target;
  const counts: (string | number)[] = [
    usageField(model, 'requests'),
    1,
    usageField(model, 'promptTokens'),
    answer.usage.promptTokens,
    usageField(model, 'completionTokens'),
    answer.usage.completionTokens,
  ];
  return answer.costNanoUsd === null
    ? [...counts, usageField(model, 'unpriced'), 1]
    : [...counts, usageField(model, 'nanoUsd'), answer.costNanoUsd];
}

/** Writes the life of a job to its record. Every step is one script, so a crash falls between steps, never within. */
export function createSettlement({ redis, keys, resultTtlMs, cacheMaxBytes }: SettlementOptions) {
  const lua = (file: string) => loadLua(import.meta.url, file);
  const beginScript = defineScript(redis, lua('./begin.lua'));
  const releaseScript = defineScript(redis, lua('./release.lua'));
  const settleScript = defineScript(redis, [countUsageLua, cachePutLua, lua('./settle.lua')].join('\n'));

  async function end({ id, run }: RunName, record: JobRecord, outcome: Outcome): Promise<Settled> {
    const { state, kind, value, counts, cached } = outcome;
    return (await settleScript(
      [
        keys.job(id),
        keys.waiters(id),
        ...usageKeys(keys, record.tenant, record.user, new Date()),
        keys.cacheIndex,
        keys.cacheStats,
      ],
      [
        id,
        state,
        kind,
        JSON.stringify(value),
        resultTtlMs,
        keys.wakeChannel(''),
        JSON.stringify(counts),
        cached ? (record.cacheDigest ?? '') : '',
        record.cacheTtlMs ?? 0,
        cacheMaxBytes,
        keys.cacheEntry(''),
        JSON.stringify(cacheFields(id, record, state)),
        run,
      ],
    )) as Settled;
  }

  return {
    /** Marks the run in the record before anything is spent on it. */
    async begin(id: string, attempt: number, run: string): Promise<Beginning> {
      const [kind, losses, ...parts] = (await beginScript([keys.job(id)], [attempt, run])) as [
        string,
        number,
        ...string[],
      ];
      if (kind !== 'run') return { kind: kind === 'ended' ? 'ended' : 'missing' };
      const record = parseJobRecord(pairsToHash(parts));
      return record ? { kind: 'run', record, losses } : { kind: 'missing' };
    },

    /** Ends the run, not the job: another one follows. */
    async release(id: string, run: string): Promise<void> {
      await releaseScript([keys.job(id)], [run]);
    },

    /** Ends the job with its answer; cost is counted here and nowhere else. */
    settle: (run: RunName, record: JobRecord, answer: PricedAnswer): Promise<Settled> =>
      end(run, record, {
        state: finalStateOf(answer),
        kind: 'answer',
        value: answer,
        counts: usageCounts(record, answer),
        cached: isCacheable(answer),
      }),

    /** Ends the job with what every reader of it will be told. */
    fail: (run: RunName, record: JobRecord, failure: Failure): Promise<Settled> =>
      end(run, record, { state: 'failed', kind: 'failure', value: failure, counts: [], cached: false }),
  };
}

type RunName = Pick<Run, 'id' | 'run'>;

interface Outcome {
  state: FinalState;
  kind: 'answer' | 'failure';
  value: PricedAnswer | Failure;
  counts: (string | number)[];
  cached: boolean;
}

export type Settlement = ReturnType<typeof createSettlement>;
