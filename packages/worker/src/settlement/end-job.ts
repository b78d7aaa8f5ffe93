import { isCacheable } from '@llm-gateway/shared/cache/cache-entry';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { deltasOfParts } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { type Failure, failureRow } from '@llm-gateway/shared/contracts/failure';
import type { FinalState } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { type StopReason, stopReasons } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { RunScript } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Run } from '../run.ts';
import type { BookedCall } from './booked-call.ts';

export type RunName = Pick<Run, 'id' | 'run'>;

/** `superseded`: the failure of a run whose job another run has taken over. Only `settled` has booked the call. */
export type SettledKind = 'settled' | 'ended' | 'superseded' | 'missing';

/** What became of an attempt to end a job; its heir leads those who shared its call and has to be added to the lane. */
export interface Settled {
  kind: SettledKind;
  heir?: string | undefined;
}

/** What an answer makes of its job. */
export const finalStateOf = (answer: PricedAnswer): 'completed' | 'incomplete' =>
  answer.finishReason.unified === 'length' || answer.finishReason.unified === 'content_filter'
    ? 'incomplete'
    : 'completed';

/** Whether an equal request could end better than this, so that nobody should be given this failure instead. */
const isWorthAnotherTry = ({ code }: Failure) =>
  // It was one reader's, who cannot be told how it goes on; others may.
  failureRow(code).retry === 'backoff' || code === 'answer_broken_off';

/** A failure that clients are told with 429 or 5xx: a repeat under the same Idempotency-Key is a new job. */
function releasesKey({ code }: Failure): boolean {
  const { status } = failureRow(code);
  return status === 429 || status >= 500;
}

/** What the cache keeps beside the answer: by what it can be cleared, and what a hit saves. */
const cacheFields = (
  id: string,
  { target, cacheNamespace = '' }: JobRecord,
  state: FinalState,
  answer: PricedAnswer | undefined,
): string[] =>
  Object.entries({
    namespace: cacheNamespace,
    target: answer?.target ?? target,
    job: id,
    state,
    costNanoUsd: answer?.costNanoUsd ?? '',
  }).flat();

interface Outcome {
  state: FinalState;
  /** The provider call that the run has made, if it has made one. */
  call: BookedCall | undefined;
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
export const waysToEnd = (end: End) => ({
  /** Ends the job with its answer. */
  settle: (run: RunName, record: JobRecord, answer: PricedAnswer, call: BookedCall, events: readonly JobEvent[] = []) =>
    end(run, record, {
      state: finalStateOf(answer),
      call,
      answer,
      isRetryable: false,
      releasesKey: false,
      isCached: isCacheable(answer),
      events,
    }),

  /** Ends the job with what every reader of it will be told. */
  fail: (
    run: RunName,
    record: JobRecord,
    failure: Failure,
    call: BookedCall | undefined,
    events: readonly JobEvent[] = [],
  ) =>
    end(run, record, {
      state: 'failed',
      call,
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
    call: BookedCall,
    events: readonly JobEvent[] = [],
  ) => {
    const { state, failure, releases_key } = stopReasons[reason].running;
    return end(run, record, {
      state,
      call,
      failure,
      answer: used,
      isRetryable: false,
      releasesKey: releases_key,
      isCached: false,
      events,
    });
  },
});

/** Whose an answer is that a fallback gave. */
const whose = (target: string) => ({ target, provider: resolveModel(target)?.provider });

/** An answer as an event that takes the place of all that was told of it. */
const snapshotOf = (answer: PricedAnswer | undefined): JobEvent => ({
  type: 'snapshot',
  text: answer?.text ?? '',
  ...(answer?.parts ? { deltas: deltasOfParts(answer.parts) } : {}),
  ...(answer?.native ? { native: answer.native } : {}),
});

/** Sends what became of a job to the script that ends it. */
export const createEnd =
  (settleScript: RunScript, keys: Keys, cacheMaxBytes: number): End =>
  async ({ id, run }, record, outcome) => {
    const { state, call, answer, failure, isRetryable, isCached, events } = outcome;
    const { cacheDigest, cacheTtlMs = 0 } = record;
    const options = {
      state,
      ...(call ? { call } : {}),
      ...(answer ? { answer: JSON.stringify(answer) } : {}),
      ...(answer?.target === undefined ? {} : whose(answer.target)),
      ...(failure ? { failure: JSON.stringify(failure), reason: failure.code } : {}),
      retryable: isRetryable,
      releases_key: outcome.releasesKey,
      ...(isCached && cacheDigest !== undefined
        ? {
            cache: {
              digest: cacheDigest,
              ttl_ms: cacheTtlMs,
              max_bytes: cacheMaxBytes,
              fields: cacheFields(id, record, state, answer),
            },
          }
        : {}),
    };
    const logged = events.map((event) => JSON.stringify(event));
    const settle = async (more: { snapshot?: string } = {}) =>
      (await settleScript([keys.job(id)], [id, run, JSON.stringify({ ...options, ...more }), ...logged])) as [
        SettledKind | 'late',
        string?,
      ];

    let [kind, heir] = await settle();
    if (kind === 'late') {
      // Too rare to send every text twice for it.
      [kind, heir] = await settle({ snapshot: JSON.stringify(snapshotOf(answer)) });
    }
    if (kind === 'late') throw new Error(`job ${id} still asks for the text of its answer`);
    return { kind, heir: heir || undefined };
  };
