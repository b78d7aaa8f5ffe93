import type { PricedAnswer, Usage } from '@llm-gateway/shared/contracts/answer';
import { type Failure, loggableDetail } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { isStopReason, type StopReason, stopReasons } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { type ResolvedModel, resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { type CallReport, callProvider, isToken } from './call-provider.ts';
import type { WorkerDeps } from './deps.ts';
import { Interruption, type InterruptionReason } from './interruption.ts';
import { createLogWriter, type LogWriter } from './log-writer.ts';
import { networkCause } from './network-cause.ts';
import { partialAnswer } from './partial-answer.ts';
import type { Piece, Provider } from './providers/provider.ts';
import { type CallOutcome, reportCall, reportEnd } from './report.ts';
import { decideRetry, type RetryDecision } from './resilience/retry-decision.ts';
import type { Run } from './run.ts';
import { asDuplicate, type BookedCall, bookedCall, type CallFacts } from './settlement/booked-call.ts';
import { finalStateOf, type Settled } from './settlement/end-job.ts';
import { insist } from './settlement/insist.ts';
import { priceAnswer } from './settlement/price-answer.ts';

/** What the queue has to do next. */
export type Next = { kind: 'done' } | { kind: 'failed' } | { kind: 'retry'; delayMs: number };

const done: Next = { kind: 'done' };

/**
 * The story of one run. The record decides, not the queue: a job that has ended is never called for again, so a
 * rerun after a crash between settlement and the queue's own bookkeeping costs nothing.
 */
export async function processGeneration(run: Run, deps: WorkerDeps): Promise<Next> {
  const beginning = await deps.settlement.begin(run.id, run.attempt, run.run);
  if (beginning.kind === 'ended') await enqueueHeir(beginning.heir, deps);
  if (beginning.kind !== 'run') return done;
  const { record, losses } = beginning;
  if (losses >= deps.lossesMax) {
    const detail = `The job was lost ${losses} times by crashed workers.`;
    return endFailed(run, record, { code: 'internal', detail }, undefined, deps);
  }
  if (record.interrupted) return endFailed(run, record, brokenOff, undefined, deps);

  const provider = deps.providers.get(record.lane);
  const model = resolveModel(record.target);
  if (!provider || model === undefined) {
    const detail = `No provider serves ${record.target} here.`;
    return endFailed(run, record, { code: 'provider_misconfigured', detail }, undefined, deps);
  }

  const call = openCall(run, record, model, deps);
  const outcome = await makeCall(call, provider, deps);
  if (outcome.kind === 'stopped') return endStopped(call, outcome.reason, deps);
  reportCall(deps, record.lane, outcome);
  return outcome.ok ? endAnswered(call, outcome.report, deps) : endAttempt(call, outcome, deps);
}

/** A provider call under way, and what has come of it so far. */
interface Call {
  run: Run;
  record: JobRecord;
  model: ResolvedModel;
  log: LogWriter;
  /** By the monotonic clock. */
  startedMs: number;
  /** Until the first text; null before it. */
  firstTokenMs: number | null;
  /** Whether the provider has given a sign of life: from then on it charges. */
  isAnswered: boolean;
  /** What the provider has counted so far, if it told. */
  promptUsage: Usage | undefined;
}

function openCall(run: Run, record: JobRecord, model: ResolvedModel, { settlement, logMaxBytes }: WorkerDeps): Call {
  const log = createLogWriter({
    append: (piece) => settlement.append(run, piece),
    isFollowed: record.stream === true,
    logMaxBytes,
    onStop: run.stop,
  });
  const startedMs = performance.now();
  return { run, record, model, log, startedMs, firstTokenMs: null, isAnswered: false, promptUsage: undefined };
}

type Outcome = ({ kind: 'ended' } & CallOutcome) | { kind: 'stopped'; reason: StopReason };

/** The provider's answer, what its error means, or why the job shall stop. Any other Interruption is thrown. */
async function makeCall(call: Call, provider: Provider, deps: WorkerDeps): Promise<Outcome> {
  const { run, record, model, log } = call;
  const request = {
    model,
    generation: record.generation,
    requestId: record.request,
    onPromptUsage: (usage: Usage) => {
      call.promptUsage = usage;
    },
    onNative: log.keepNative,
  };
  const onPiece = (piece: Piece) => {
    call.isAnswered = true;
    if (isToken(piece)) call.firstTokenMs ??= performance.now() - call.startedMs;
    log.push(piece);
  };
  try {
    return {
      kind: 'ended',
      ok: true,
      report: await callProvider(provider, request, deps.callLimits, run.signal, onPiece),
    };
  } catch (error) {
    if (error instanceof Interruption) {
      const reason = String(error.reason);
      if (isStopReason(reason)) return { kind: 'stopped', reason };
      await log.finish();
      // What another run's job has cost by then is left unsettled by that run.
      const isHandedBack = error.reason === ('draining' satisfies InterruptionReason);
      if (isHandedBack && hasGivenAway(call)) return { kind: 'ended', ok: false, failure: brokenOff, cause: error };
      const used = isHandedBack ? await usedSoFar(call, deps) : undefined;
      throw new Interruption(error.reason, used && book(call, { status: 'aborted', used }));
    }
    await log.finish();
    return { kind: 'ended', ok: false, failure: provider.classify(error), cause: error };
  }
}

const brokenOff: Failure = {
  code: 'answer_broken_off',
  detail: 'The answer broke off. What was sent of it cannot be taken back, so it is not begun anew.',
};

/** Whether a reader that cannot take text back has been given some: no other call may take the place of this one. */
const hasGivenAway = ({ record, log }: Call) => record.unrepeatable === true && log.written() !== '';

/** What the provider has charged for a call that came to no end of its own, as an estimate. */
async function usedSoFar(call: Call, { prices, counter }: WorkerDeps): Promise<PricedAnswer | undefined> {
  if (!call.isAnswered) return undefined;
  const { record, log, model, promptUsage } = call;
  return priceAnswer(prices, model, await partialAnswer(record.generation, log.written(), model, promptUsage, counter));
}

// The connection did not come about, so that nothing was asked.
const neverAsked = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'];

/** Whether a failure leaves open what the provider has done: it did not refuse, it was not heard of. */
const isUntold = ({ code }: Failure, cause: unknown) =>
  code === 'provider_timeout' ||
  (code === 'provider_unreachable' && !neverAsked.includes(networkCause(cause).cause_code ?? ''));

const book = ({ run, record, startedMs, firstTokenMs }: Call, facts: Omit<CallFacts, 'latencyMs' | 'firstTokenMs'>) =>
  bookedCall(run.id, record, { ...facts, latencyMs: performance.now() - startedMs, firstTokenMs });

async function endAnswered(call: Call, { answer: given }: CallReport, deps: WorkerDeps): Promise<Next> {
  const { run, record, model, log } = call;
  const answer = priceAnswer(deps.prices, model, given);
  const booked = book(call, { status: finalStateOf(answer), used: answer });
  const rest = await log.finish();
  const settled = await insist(() => deps.settlement.settle(run, record, answer, booked, rest));
  if (settled.kind !== 'settled') await bookAnyway(run, asDuplicate(booked), deps);
  reportEnd(deps, run, record, { settled: settled.kind, answer });
  return done;
}

/** The end of a job that was to be stopped: what the provider gave until then is charged. */
async function endStopped(call: Call, reason: StopReason, deps: WorkerDeps): Promise<Next> {
  const { run, record, log } = call;
  const rest = await log.finish();
  const used = await usedSoFar(call, deps);
  const { code } = stopReasons[reason].running.failure;
  const booked = book(call, { status: 'aborted', code, used: used ?? 'unknown' });
  const settled = await insist(() => deps.settlement.stop(run, record, reason, used, booked, rest));
  if (settled.kind !== 'settled') {
    // A generation that another run has ended is counted as a request by that one.
    await bookAnyway(run, settled.kind === 'ended' && used ? asDuplicate(booked) : booked, deps);
  }
  reportEnd(deps, run, record, { settled: settled.kind, stopped: reason, answer: used });
  return done;
}

async function endAttempt(
  call: Call,
  { failure, cause }: Extract<CallOutcome, { ok: false }>,
  deps: WorkerDeps,
): Promise<Next> {
  const { run, record } = call;
  const used = (await usedSoFar(call, deps)) ?? (isUntold(failure, cause) ? 'unknown' : 'none');
  const booked = book(call, { status: 'failed', code: failure.code, used });
  // The job's own bounds, which the queue keeps to as well: this process may be configured otherwise than the api was.
  const limits = { ...deps.retryLimits, attempts: record.maxAttempts };
  const leftMs = record.deadlineMs === undefined ? undefined : record.deadlineMs - Date.now();
  const decision = decideRetry(failure, run.attempt, { ...limits, leftMs }, Math.random);
  logAttempt(run, record, failure, cause, decision);
  if (decision.kind === 'final' || hasGivenAway(call)) return endFailed(run, record, failure, booked, deps);

  const next = { attempt: run.attempt + 1, afterMs: decision.delayMs, reason: failure.code };
  const released = await deps.settlement.release(run, next, booked);
  if (released === 'superseded') await deps.settlement.book(run, booked);
  return released === 'stopped' ? done : decision;
}

function logAttempt(run: Run, record: JobRecord, failure: Failure, cause: unknown, decision: RetryDecision): void {
  const about = {
    job_id: run.id,
    request_id: record.request,
    attempt: run.attempt,
    code: failure.code,
    ...networkCause(cause),
  };
  // Only our own bugs are logged with their cause: a provider's error object carries headers and bodies.
  if (failure.code === 'internal') run.log.error({ ...about, err: cause }, 'attempt failed unexpectedly');
  const retry = decision.kind === 'retry' ? { retry_in_ms: decision.delayMs } : {};
  run.log.warn({ event: 'attempt_failed', ...about, ...retry }, loggableDetail(failure));
}

async function endFailed(
  run: Run,
  record: JobRecord,
  failure: Failure,
  booked: BookedCall | undefined,
  deps: WorkerDeps,
): Promise<Next> {
  const settled: Settled = await insist(() => deps.settlement.fail(run, record, failure, booked));
  if (booked && settled.kind !== 'settled') await bookAnyway(run, booked, deps);
  if (settled.kind === 'superseded') throw new Interruption('lock-lost' satisfies InterruptionReason);
  await enqueueHeir(settled.heir, deps);
  reportEnd(deps, run, record, { settled: settled.kind, failure });
  return { kind: 'failed' };
}

/** A call of a job that another run has ended, or that is another run's now, is paid for all the same. */
async function bookAnyway(run: Run, booked: BookedCall, { settlement }: WorkerDeps): Promise<void> {
  await insist(() => settlement.book(run, booked));
}

/** Those who shared the call of a job that failed try again under a leader of their own. */
async function enqueueHeir(heir: string | undefined, { laneQueues }: WorkerDeps): Promise<void> {
  // Should this fail, the timekeeper finds the heir among those that have yet to be queued.
  if (heir !== undefined) await laneQueues.requeue(heir).catch(() => undefined);
}
