import { cachePutLua, isCacheable } from '@llm-gateway/shared/cache/cache-entry';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { type Failure, failureRow } from '@llm-gateway/shared/contracts/failure';
import type { FinalState } from '@llm-gateway/shared/contracts/job';
import { type JobRecord, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { isStopReason, type StopReason, stopReasons } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import type { Redis } from 'ioredis';
import type { Run } from '../run.ts';
import { sharedCounts, usageCounts } from './usage-counts.ts';

export interface SettlementOptions {
  redis: Redis;
  keys: Keys;
  cacheMaxBytes: number;
}

export type Beginning =
  /** The job has ended: by another run, by an earlier one whose end BullMQ did not hear of, or just now. */
  | { kind: 'ended'; heir?: string | undefined }
  | { kind: 'missing' }
  | { kind: 'run'; record: JobRecord; losses: number };

/** `superseded`: the failure of a run whose job another run has taken over. */
export type SettledKind = 'settled' | 'ended' | 'superseded' | 'missing';

/** What became of an attempt to end a job; its heir leads those who shared its call and has to be added to the lane. */
export interface Settled {
  kind: SettledKind;
  heir?: string | undefined;
}

/** `stopped`: the job was to be stopped, and has ended with the run. */
export type Released = 'released' | 'superseded' | 'stopped';

export type Appended =
  | { kind: 'superseded' }
  /** How many connections follow the log, its size, and whether the job shall stop. */
  | { kind: 'appended'; heard: number; logBytes: number; stop: StopReason | undefined };

/** Some of a log, as one run writes it piece by piece. */
export interface LogPiece {
  /** 1 for the first of the run. */
  number: number;
  events: readonly JobEvent[];
  /** Characters of text among it. */
  chars: number;
}

/** What follows a run that did not end its job. */
export type NextAttempt = Pick<Extract<JobEvent, { type: 'retrying' }>, 'attempt' | 'afterMs' | 'reason'>;

type RunName = Pick<Run, 'id' | 'run'>;

const finalStateOf = (answer: PricedAnswer): FinalState =>
  answer.finishReason.unified === 'length' || answer.finishReason.unified === 'content_filter'
    ? 'incomplete'
    : 'completed';

/** Whether an equal request could end better than this, so that nobody should be given this failure instead. */
const isWorthAnotherTry = ({ code }: Failure) => failureRow(code).retry === 'backoff';

/** A failure that clients are told with 429 or 5xx: a repeat under the same Idempotency-Key is a new job. */
function releasesKey({ code }: Failure): boolean {
  const { status } = failureRow(code);
  return status === 429 || status >= 500;
}

/** What the cache keeps beside the answer: whose it is, and by what it can be cleared. */
const cacheFields = (id: string, { tenant, target, cacheNamespace = '' }: JobRecord, state: FinalState): string[] =>
  Object.entries({ tenant, namespace: cacheNamespace, target, job: id, state }).flat();

interface Outcome {
  state: FinalState;
  answer?: PricedAnswer | undefined;
  failure?: Failure | undefined;
  /** Whether those who shared the call may try again by themselves. */
  isRetryable: boolean;
  releasesKey: boolean;
  isCached: boolean;
  /** What the log still lacks. */
  events: readonly JobEvent[];
}

type End = (run: RunName, record: JobRecord, outcome: Outcome) => Promise<Settled>;

/** What can become of a job that was begun. */
const waysToEnd = (end: End) => ({
  /** Ends the job with its answer; cost is counted here and nowhere else. */
  settle: (run: RunName, record: JobRecord, answer: PricedAnswer, events: readonly JobEvent[] = []) =>
    end(run, record, {
      state: finalStateOf(answer),
      answer,
      isRetryable: false,
      releasesKey: false,
      isCached: isCacheable(answer),
      events,
    }),

  /** Ends the job with what every reader of it will be told. */
  fail: (run: RunName, record: JobRecord, failure: Failure, events: readonly JobEvent[] = []) =>
    end(run, record, {
      state: 'failed',
      failure,
      isRetryable: isWorthAnotherTry(failure),
      releasesKey: releasesKey(failure),
      isCached: false,
      events,
    }),

  /** Ends a job that was stopped in mid-call; `used` is what the provider had given by then, if anything. */
  stop: (
    run: RunName,
    record: JobRecord,
    reason: StopReason,
    used: PricedAnswer | undefined,
    events: readonly JobEvent[] = [],
  ) => {
    const { state, failure, releases_key } = stopReasons[reason].running;
    return end(run, record, {
      state,
      failure,
      answer: used,
      isRetryable: false,
      releasesKey: releases_key,
      isCached: false,
      events,
    });
  },
});

/** Writes the life of a job to its record. Every step is one script, so a crash falls between steps, never within. */
export function createSettlement({ redis, keys, cacheMaxBytes }: SettlementOptions) {
  const script = (file: string, ...before: string[]) =>
    defineScript(redis, [lifecycleLua(keys), ...before, loadLua(import.meta.url, file)].join('\n'));
  const beginScript = script('./begin.lua');
  const appendScript = script('./append.lua');
  const releaseScript = script('./release.lua');
  const settleScript = script('./settle.lua', cachePutLua);

  async function end({ id, run }: RunName, record: JobRecord, outcome: Outcome): Promise<Settled> {
    const { state, answer, failure, isRetryable, isCached, events } = outcome;
    const { cacheDigest, cacheTtlMs = 0 } = record;
    const options = {
      state,
      ...(answer ? { answer: JSON.stringify(answer), counts: usageCounts(record.target, answer) } : {}),
      ...(failure ? { failure: JSON.stringify(failure), reason: failure.code } : {}),
      free_counts: sharedCounts(record.target),
      retryable: isRetryable,
      releases_key: outcome.releasesKey,
      day: new Date().toISOString().slice(0, 10),
      ...(isCached && cacheDigest !== undefined
        ? {
            cache: {
              digest: cacheDigest,
              ttl_ms: cacheTtlMs,
              max_bytes: cacheMaxBytes,
              fields: cacheFields(id, record, state),
            },
          }
        : {}),
    };
    const logged = events.map((event) => JSON.stringify(event));
    const call = async (more: { snapshot?: string } = {}) =>
      (await settleScript([keys.job(id)], [id, run, JSON.stringify({ ...options, ...more }), ...logged])) as [
        SettledKind | 'late',
        string?,
      ];

    let [kind, heir] = await call();
    if (kind === 'late') {
      // Too rare to send every text twice for it.
      [kind, heir] = await call({ snapshot: JSON.stringify({ type: 'snapshot', text: answer?.text ?? '' }) });
    }
    if (kind === 'late') throw new Error(`job ${id} still asks for the text of its answer`);
    return { kind, heir: heir || undefined };
  }

  return {
    /** Marks the run in the record before anything is spent on it. */
    async begin(id: string, attempt: number, run: string): Promise<Beginning> {
      const [kind, second, ...parts] = (await beginScript([keys.job(id)], [id, attempt, run])) as [
        string,
        string | number | undefined,
        ...string[],
      ];
      if (kind === 'ended') return { kind, heir: String(second ?? '') || undefined };
      const record = kind === 'run' ? parseJobRecord(pairsToHash(parts)) : undefined;
      return record ? { kind: 'run', record, losses: Number(second) } : { kind: 'missing' };
    },

    /** Writes to the log what a running call has brought; a snapshot takes the place of all entries before it. */
    async append({ id, run }: RunName, { number, events, chars }: LogPiece): Promise<Appended> {
      const isSnapshot = events[0]?.type === 'snapshot';
      const [heard, logBytes, stop] = (await appendScript(
        [keys.job(id)],
        [id, run, chars, isSnapshot ? '1' : '0', number, ...events.map((event) => JSON.stringify(event))],
      )) as [number, number?, string?];
      if (heard < 0) return { kind: 'superseded' };
      const reason = stop ?? '';
      return { kind: 'appended', heard, logBytes: logBytes ?? 0, stop: isStopReason(reason) ? reason : undefined };
    },

    /** Ends the run, not the job: another one follows. The log says so, and whether text has to be taken back. */
    async release({ id, run }: RunName, next: NextAttempt): Promise<Released> {
      const event = JSON.stringify({ type: 'retrying', ...next });
      const released = await releaseScript([keys.job(id)], [id, run, event]);
      return released === 0 ? 'superseded' : released === 2 ? 'stopped' : 'released';
    },

    ...waysToEnd(end),
  };
}

export type Settlement = ReturnType<typeof createSettlement>;
