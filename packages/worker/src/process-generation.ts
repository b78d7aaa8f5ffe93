import { type Failure, loggableDetail } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { callProvider } from './call-provider.ts';
import type { WorkerDeps } from './deps.ts';
import { Interruption, type InterruptionReason } from './interruption.ts';
import { networkCause } from './network-cause.ts';
import type { Provider, ProviderRequest } from './providers/provider.ts';
import { type CallOutcome, reportCall, reportEnd } from './report.ts';
import { decideRetry } from './resilience/retry-decision.ts';
import type { Run } from './run.ts';
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
  if (beginning.kind !== 'run') return done;
  const { record, losses } = beginning;
  if (losses >= deps.lossesMax) {
    return endFailed(
      run,
      record,
      { code: 'internal', detail: `The job was lost ${losses} times by crashed workers.` },
      deps,
    );
  }

  const provider = deps.providers.get(record.lane);
  const model = resolveModel(record.target);
  if (!provider || model === undefined) {
    return endFailed(
      run,
      record,
      { code: 'provider_misconfigured', detail: `No provider serves ${record.target} here.` },
      deps,
    );
  }

  const request = { model, generation: record.generation, requestId: record.request };
  const outcome = await call(provider, request, run, deps);
  reportCall(deps, record.lane, outcome);
  if (!outcome.ok) return endAttempt(run, record, outcome, deps);

  const answer = priceAnswer(deps.prices, model, outcome.report.answer);
  const settled = await insist(() => deps.settlement.settle(run, record, answer));
  reportEnd(deps, run, record, { settled, answer });
  return done;
}

/** The provider's answer or what its error means. Only an Interruption is thrown. */
async function call(provider: Provider, request: ProviderRequest, run: Run, deps: WorkerDeps): Promise<CallOutcome> {
  try {
    return { ok: true, report: await callProvider(provider, request, deps.callLimits, run.signal) };
  } catch (error) {
    if (error instanceof Interruption) throw error;
    return { ok: false, failure: provider.classify(error), cause: error };
  }
}

async function endAttempt(
  run: Run,
  record: JobRecord,
  { failure, cause }: Extract<CallOutcome, { ok: false }>,
  deps: WorkerDeps,
): Promise<Next> {
  // The job's own bound, which the queue keeps to as well: this process may be configured otherwise than the api was.
  const limits = { ...deps.retryLimits, attempts: record.maxAttempts };
  const decision = decideRetry(failure, run.attempt, limits, Math.random);
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
  if (decision.kind === 'final') return endFailed(run, record, failure, deps);

  await deps.settlement.release(run.id, run.run);
  return decision;
}

async function endFailed(run: Run, record: JobRecord, failure: Failure, deps: WorkerDeps): Promise<Next> {
  const settled = await insist(() => deps.settlement.fail(run, record, failure));
  if (settled === 'superseded') throw new Interruption('lock-lost' satisfies InterruptionReason);
  reportEnd(deps, run, record, { settled, failure });
  return { kind: 'failed' };
}
