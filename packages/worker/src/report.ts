import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { type Failure, loggableDetail } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { events } from '@llm-gateway/shared/observability/logger';
import { costUsd } from '@llm-gateway/shared/pricing/cost-usd';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { CallReport } from './call-provider.ts';
import type { WorkerDeps } from './deps.ts';
import type { Run } from './run.ts';
import type { SettledKind } from './settlement/end-job.ts';

/** What a provider call came to. */
export type CallOutcome = { ok: true; report: CallReport } | { ok: false; failure: Failure; cause: unknown };

/** Counts a provider call, whatever became of it. */
export function reportCall({ metrics }: Pick<WorkerDeps, 'metrics'>, lane: Lane, outcome: CallOutcome): void {
  metrics.providerCalls.inc({ lane, outcome: outcome.ok ? 'ok' : outcome.failure.code });
  if (!outcome.ok) return;
  const { callMs, firstTokenMs } = outcome.report;
  metrics.providerCallSeconds.observe({ lane }, callMs / 1000);
  if (firstTokenMs !== null) metrics.firstTokenSeconds.observe({ lane }, firstTokenMs / 1000);
}

type End = { settled: SettledKind } & (
  | { answer: PricedAnswer }
  | { failure: Failure }
  | { stopped: StopReason; answer: PricedAnswer | undefined }
);

/** Logs and counts the end of a job, once: only the run that settled it speaks of it. */
export function reportEnd({ metrics }: Pick<WorkerDeps, 'metrics'>, run: Run, record: JobRecord, end: End): void {
  const { lane } = record;
  const answer = 'answer' in end ? end.answer : undefined;
  const about = {
    job_id: run.id,
    request_id: record.request,
    user_id: record.user,
    model: answer?.target ?? record.target,
    attempt: run.attempt,
  };
  if (end.settled !== 'settled') {
    if (answer) {
      metrics.duplicateCalls.inc({ lane });
      run.log.warn({ event: 'duplicate_call', ...about }, 'a call was paid although the job had ended');
    }
    return;
  }
  const outcome = 'stopped' in end ? 'stopped' : 'failure' in end ? 'failed' : 'answered';
  metrics.jobSeconds.observe({ lane, outcome }, (Date.now() - record.createdMs) / 1000);
  if ('failure' in end)
    run.log.warn({ event: events.requestFailed, ...about, code: end.failure.code }, loggableDetail(end.failure));
  if ('stopped' in end) run.log.info({ event: 'job_stopped', ...about, reason: end.stopped }, 'job stopped');
  if (answer) reportCost(metrics, run, resolveModel(about.model)?.provider ?? lane, about, answer);
}

function reportCost(metrics: WorkerDeps['metrics'], run: Run, lane: Lane, about: object, answer: PricedAnswer): void {
  const { usage, usageSource } = answer;
  const cost = costUsd(answer);
  metrics.tokens.inc({ lane, kind: 'prompt' }, usage.promptTokens);
  metrics.tokens.inc({ lane, kind: 'completion' }, usage.completionTokens);
  if (cost !== null) metrics.costUsd.inc({ lane }, cost);
  const tracked = {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    usage_source: usageSource,
    cost_usd: cost,
  };
  if (cost === null)
    run.log.warn({ event: events.costTracked, ...about, ...tracked }, 'no price is known for this model');
  else run.log.info({ event: events.costTracked, ...about, ...tracked }, 'cost tracked');
}
