import { failureRow } from '@llm-gateway/shared/contracts/failure';
import { isFinal, jobStates } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { costUsd } from '@llm-gateway/shared/pricing/cost-usd';
import { z } from 'zod';

const time = z.iso.datetime();

const usageView = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  source: z.enum(['provider', 'estimated']),
});

// Members of a job's full shape that nothing sets yet: a job here has no deadline, cancellation or webhook.
const unused = {
  queue_position: null,
  deadline_at: null,
  cancel_requested_at: null,
  coalesced_into: null,
  webhook: null,
};

const exampleJob = {
  id: 'job_01M84AFMN7N75S4NC9P52Q6ACC',
  object: 'job',
  status: 'in_progress',
  endpoint: '/v1/generate',
  model: 'openai/gpt-4o',
  user_id: 'user123',
  created_at: '2026-11-23T09:46:00.000Z',
  queued_at: '2026-11-23T09:46:00.000Z',
  started_at: '2026-11-23T09:46:00.004Z',
  finished_at: null,
  expires_at: null,
  attempt: 1,
  max_attempts: 3,
  ...unused,
  output_chars: 0,
  usage: null,
  cost_usd: null,
  cached: false,
  error: null,
  metadata: {},
  urls: { self: '/v1/jobs/job_01M84AFMN7N75S4NC9P52Q6ACC', result: '/v1/jobs/job_01M84AFMN7N75S4NC9P52Q6ACC/result' },
};

/** A job as clients see it. */
export const jobView = z
  .object({
    id: z.string(),
    object: z.literal('job'),
    status: z.enum(jobStates),
    endpoint: z.string(),
    model: z.string(),
    user_id: z.string(),
    created_at: time,
    queued_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    expires_at: time.nullable(),
    attempt: z.int(),
    max_attempts: z.int(),
    queue_position: z.null(),
    deadline_at: z.null(),
    cancel_requested_at: z.null(),
    coalesced_into: z.null(),
    webhook: z.null(),
    output_chars: z.int(),
    usage: usageView.nullable(),
    cost_usd: z.number().nullable(),
    cached: z.boolean(),
    error: z
      .object({
        type: z.string(),
        code: z.string(),
        message: z.string(),
        retryable: z.boolean(),
        status: z.int(),
        provider: z.string().optional(),
      })
      .nullable(),
    metadata: z.record(z.string(), z.string()),
    urls: z.object({ self: z.string(), result: z.string() }),
  })
  .meta({ id: 'Job', examples: [exampleJob] });

export type JobView = z.infer<typeof jobView>;

const isoOrNull = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());

export function viewJob(id: string, record: JobRecord): JobView {
  const { answer, failure } = record;
  return {
    id,
    object: 'job',
    status: record.state,
    endpoint: record.endpoint,
    model: record.target,
    user_id: record.user,
    created_at: new Date(record.createdMs).toISOString(),
    queued_at: new Date(record.createdMs).toISOString(),
    started_at: isoOrNull(record.startedMs),
    finished_at: isoOrNull(record.finishedMs),
    expires_at: isoOrNull(record.expiresMs),
    attempt: record.attempt,
    max_attempts: record.maxAttempts,
    ...unused,
    output_chars: answer?.text.length ?? 0,
    usage: answer ? viewUsage(answer) : null,
    cost_usd: answer ? costUsd(answer) : null,
    cached: false,
    error: failure ? viewError(failure) : null,
    metadata: record.metadata,
    urls: { self: `/v1/jobs/${id}`, result: `/v1/jobs/${id}/result` },
  };
}

const viewUsage = ({ usage, usageSource }: NonNullable<JobRecord['answer']>): JobView['usage'] => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.totalTokens,
  source: usageSource,
});

function viewError(failure: NonNullable<JobRecord['failure']>): JobView['error'] {
  const { type, status, retry } = failureRow(failure.code);
  return {
    type,
    code: failure.code,
    message: failure.detail,
    retryable: retry === 'backoff',
    status,
    ...(failure.provider === undefined ? {} : { provider: failure.provider }),
  };
}

/** Seconds after which a look at an unfinished job is worth while: soon for a young one, ten at most. */
export const pollAfterS = (record: JobRecord, nowMs: number): number =>
  Math.min(10, Math.max(1, Math.round((nowMs - record.createdMs) / 10_000)));

/** Changes whenever the view does, until the job has ended. */
export const jobEtag = (record: JobRecord): string =>
  `"${record.state}-${record.attempt}-${isFinal(record.state) ? (record.finishedMs ?? 0) : (record.startedMs ?? 0)}"`;
