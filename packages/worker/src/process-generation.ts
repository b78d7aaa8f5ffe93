import type { PricedAnswer, Usage } from '@llm-gateway/shared/contracts/answer';
import { type Failure, loggableDetail } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { brokenOff } from '@llm-gateway/shared/lifecycle/broken-off';
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
import { couldBeCured, tellingFailure } from './resilience/fall-back.ts';
import { decideRetry } from './resilience/retry-decision.ts';
import type { Run } from './run.ts';
import { asDuplicate, type BookedCall, bookedCall, type CallFacts } from './settlement/booked-call.ts';
import { finalStateOf, type Settled } from './settlement/end-job.ts';
import { insist } from './settlement/insist.ts';
import { priceAnswer } from './settlement/price-answer.ts';
import type { Moved } from './settlement/settlement.ts';

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

  const [first, ...others] = targetsOf(record, deps.providers);
  if (!first) {
    const detail = `No provider serves ${record.target} here.`;
    return endFailed(run, record, { code: 'provider_misconfigured', detail }, undefined, deps);
  }
  return askTargets(run, record, [first, ...others], deps);
}

/** A model that may answer, and who serves it. */
interface Target {
  model: ResolvedModel;
  provider: Provider;
}

/** The models that a job may be answered by, but for those that nobody serves here. */
const targetsOf = ({ target, fallbacks = [] }: JobRecord, providers: WorkerDeps['providers']): Target[] =>
  [target, ...fallbacks].flatMap((id) => {
    const model = resolveModel(id);
    const provider = model && providers.get(model.provider);
    return provider ? [{ model, provider }] : [];
  });

/**
 * Asks one model after the other, each in a call of its own, until one answers, or fails in a way that no other could
 * cure. `earlier` are the failures of those before.
 */
async function askTargets(
  run: Run,
  record: JobRecord,
  [{ model, provider }, next, ...others]: [Target, ...Target[]],
  deps: WorkerDeps,
  earlier: readonly Failure[] = [],
): Promise<Next> {
  const call = openCall(run, record, model, deps);
  const outcome = await makeCall(call, provider, deps);
  if (outcome.kind === 'stopped') return endStopped(call, outcome.reason, deps);
  reportCall(deps, model.provider, outcome);
  if (outcome.ok) return endAnswered(call, outcome.report, deps);
  const mayGoOn = couldBeCured(outcome.failure) && !hasGivenAway(call) && !run.signal.aborted;
  if (!next || !mayGoOn) return endAttempt(call, outcome, earlier, deps);

  const moved = await fallBack(call, outcome, next.model, deps);
  if (moved.kind === 'superseded') throw new Interruption('lock-lost' satisfies InterruptionReason);
  if (moved.kind === 'stopped') return done;
  return askTargets(run, { ...record, calls: moved.call }, [next, ...others], deps, [...earlier, outcome.failure]);
}

/** Books a call that failed and begins that of the next model. */
async function fallBack(call: Call, failed: FailedCall, model: ResolvedModel, deps: WorkerDeps): Promise<Moved> {
  const { run } = call;
  const booked = await bookFailed(call, failed, deps);
  logAttempt(call, failed, { fallback: model.id });
  const next = { attempt: run.attempt, reason: failed.failure.code, model };
  const moved = await deps.settlement.nextCall(run, next, booked);
  if (moved.kind === 'superseded') await deps.settlement.book(run, booked);
  return moved;
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

/** Whether a reader that cannot take text back has been given some: no other call may take the place of this one. */
const hasGivenAway = ({ record, log }: Call) => record.unrepeatable === true && log.hasSaid();

/** What the provider has charged for a call that came to no end of its own, as an estimate. */
async function usedSoFar(call: Call, { prices, counter }: WorkerDeps): Promise<PricedAnswer | undefined> {
  if (!call.isAnswered) return undefined;
  const { record, log, model, promptUsage } = call;
  const partial = await partialAnswer(record.generation, log.written(), model, promptUsage, counter);
  return { ...priceAnswer(prices, model, partial, record), ...answeredBy(call) };
}

// The connection did not come about, so that nothing was asked.
const neverAsked = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'];

/** Whether a failure leaves open what the provider has done: it did not refuse, it was not heard of, or not understood. */
const isUntold = ({ code }: Failure, cause: unknown) =>
  code === 'provider_timeout' ||
  cause instanceof SyntaxError ||
  (code === 'provider_unreachable' && !neverAsked.includes(networkCause(cause).cause_code ?? ''));

/** Whose an answer is, where that is not the model that the job was accepted for. */
const answeredBy = ({ record, model }: Call) => (model.id === record.target ? {} : { target: model.id });

type Facts = Pick<CallFacts, 'status' | 'code' | 'used'>;

const book = ({ run, record, model, startedMs, firstTokenMs }: Call, facts: Facts) =>
  bookedCall(run.id, record, { ...facts, model, latencyMs: performance.now() - startedMs, firstTokenMs });

async function endAnswered(call: Call, { answer: given }: CallReport, deps: WorkerDeps): Promise<Next> {
  const { run, record, model, log } = call;
  const answer = { ...priceAnswer(deps.prices, model, given, record), ...answeredBy(call) };
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

type FailedCall = Extract<CallOutcome, { ok: false }>;

async function bookFailed(call: Call, { failure, cause }: FailedCall, deps: WorkerDeps): Promise<BookedCall> {
  const used = (await usedSoFar(call, deps)) ?? (isUntold(failure, cause) ? 'unknown' : 'none');
  return book(call, { status: 'failed', code: failure.code, used });
}

async function endAttempt(
  call: Call,
  failed: FailedCall,
  earlier: readonly Failure[],
  deps: WorkerDeps,
): Promise<Next> {
  const { run, record } = call;
  const booked = await bookFailed(call, failed, deps);
  const failure = tellingFailure(earlier, failed.failure);
  // The job's own bounds, which the queue keeps to as well: this process may be configured otherwise than the api was.
  const limits = { ...deps.retryLimits, attempts: record.maxAttempts };
  const leftMs = record.deadlineMs === undefined ? undefined : record.deadlineMs - Date.now();
  const decision = decideRetry(failure, run.attempt, { ...limits, leftMs }, Math.random);
  logAttempt(call, failed, decision.kind === 'retry' ? { retry_in_ms: decision.delayMs } : {});
  if (decision.kind === 'final' || hasGivenAway(call)) return endFailed(run, record, failure, booked, deps);

  const next = { attempt: run.attempt + 1, afterMs: decision.delayMs, reason: failure.code };
  const released = await deps.settlement.release(run, next, booked);
  if (released === 'superseded') await deps.settlement.book(run, booked);
  return released === 'stopped' ? done : decision;
}

/** `next` is what follows. */
function logAttempt({ run, record, model }: Call, { failure, cause }: FailedCall, next: object): void {
  const about = {
    job_id: run.id,
    request_id: record.request,
    attempt: run.attempt,
    model: model.id,
    code: failure.code,
    ...networkCause(cause),
  };
  // Only our own bugs are logged with their cause: a provider's error object carries headers and bodies.
  if (failure.code === 'internal') run.log.error({ ...about, err: cause }, 'attempt failed unexpectedly');
  run.log.warn({ event: 'attempt_failed', ...about, ...next }, loggableDetail(failure));
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
