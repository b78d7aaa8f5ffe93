import { failureRow } from '@llm-gateway/shared/contracts/failure';
import { isFinal, type JobState, jobStates } from '@llm-gateway/shared/contracts/job';
import { viewCost } from '@llm-gateway/shared/jobs/job-cost';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { finalEvents, webhookEvents } from '@llm-gateway/shared/webhooks/job-webhook';
import { z } from 'zod';
import { lastSequence } from './sequence.ts';

const time = z.iso.datetime();

/** What clients are told of a job's state. */
export const jobStatuses = [...jobStates, 'cancelling'] as const;

export type JobStatus = (typeof jobStatuses)[number];

const usageView = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  source: z.enum(['provider', 'estimated']),
});

function urlsOf(id: string) {
  const self = `/v1/jobs/${id}`;
  return { self, events: `${self}/events`, result: `${self}/result`, cancel: `${self}/cancel` };
}

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
  queue_position: null,
  priority: 5,
  held: false,
  delayed_until: null,
  start_deadline_at: null,
  deadline_at: null,
  cancel_requested_at: null,
  last_sequence: 41,
  output_chars: 812,
  usage: null,
  cost_usd: null,
  cached: false,
  coalesced_into: null,
  custom_id: null,
  error: null,
  metadata: {},
  webhook: { url: 'https://example.com/hook', events: ['job.completed'], last_delivery: null },
  urls: urlsOf('job_01M84AFMN7N75S4NC9P52Q6ACC'),
};

/** A job as clients see it. */
export const jobView = z
  .object({
    id: z.string(),
    object: z.literal('job'),
    status: z.enum(jobStatuses),
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
    queue_position: z.int().nullable().describe('Jobs to be served before this one, while it waits'),
    priority: z.int(),
    held: z.boolean().describe('Waits for POST …/release'),
    delayed_until: time.nullable(),
    start_deadline_at: time.nullable(),
    deadline_at: time.nullable(),
    cancel_requested_at: time.nullable(),
    last_sequence: z.int().describe('Number of the last event so far'),
    output_chars: z.int(),
    usage: usageView.nullable(),
    cost_usd: z.number().nullable(),
    cached: z.boolean(),
    coalesced_into: z.string().nullable().describe('The equal job whose provider call answers this one too'),
    custom_id: z.string().nullable(),
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
    webhook: z
      .object({
        url: z.string(),
        events: z.array(z.enum(webhookEvents)),
        last_delivery: z.object({ id: z.string(), status: z.string(), at: time.nullable() }).nullable(),
      })
      .nullable(),
    urls: z.object({ self: z.string(), events: z.string(), result: z.string(), cancel: z.string() }),
  })
  .meta({ id: 'Job', examples: [exampleJob] });

export type JobView = z.infer<typeof jobView>;

/** The least that a client needs to come back for a job. */
const minimalJob = jobView
  .pick({ id: true, object: true, status: true, urls: true })
  .meta({ id: 'MinimalJob', description: 'With Prefer: return=minimal' });

/** A job as the answer to the request that made it. */
export const submittedJob = z.union([jobView, minimalJob]);

const isoOrNull = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());

/** What of a job stands elsewhere than in its record. */
export interface JobSurroundings {
  /** Jobs to be served before this one. */
  queuePosition?: number | null;
  lastDelivery?: NonNullable<JobView['webhook']>['last_delivery'];
}

/** A record without what was asked, which no view shows and which may be large. */
export type JobSummary = Omit<JobRecord, 'generation'>;

export function viewJob(
  id: string,
  record: JobSummary,
  { queuePosition, lastDelivery }: JobSurroundings = {},
): JobView {
  const { answer, failure, webhook } = record;
  return {
    id,
    object: 'job',
    status: statusOf(record),
    endpoint: record.endpoint,
    model: answer?.target ?? record.target,
    user_id: record.user,
    created_at: new Date(record.createdMs).toISOString(),
    queued_at: new Date(record.createdMs).toISOString(),
    started_at: isoOrNull(record.startedMs),
    finished_at: isoOrNull(record.finishedMs),
    expires_at: isoOrNull(record.expiresMs),
    attempt: record.attempt,
    max_attempts: record.maxAttempts,
    queue_position: queuePosition ?? null,
    priority: record.priority,
    held: record.held === true,
    delayed_until: isoOrNull(record.delayedUntilMs),
    start_deadline_at: isoOrNull(record.startDeadlineMs),
    deadline_at: isoOrNull(record.deadlineMs),
    cancel_requested_at: isoOrNull(record.cancelRequestedMs),
    last_sequence: lastSequence(record),
    output_chars: answer?.text.length ?? (isFinal(record.state) ? 0 : record.chars),
    ...viewCost(record),
    cached: record.cached === true,
    coalesced_into: record.leader ?? null,
    custom_id: record.customId ?? null,
    error: failure ? viewError(failure) : null,
    metadata: record.metadata,
    webhook: webhook
      ? { url: webhook.url, events: webhook.events ?? [...finalEvents], last_delivery: lastDelivery ?? null }
      : null,
    urls: urlsOf(id),
  };
}

export const viewMinimalJob = (id: string, record: JobSummary): z.infer<typeof minimalJob> => ({
  id,
  object: 'job',
  status: statusOf(record),
  urls: urlsOf(id),
});

/** A job that was told to stop is `cancelling` until its worker has heard. */
export const statusOf = ({ state, stop }: { state: JobState; stop?: string | null | undefined }): JobStatus =>
  state === 'in_progress' && stop ? 'cancelling' : state;

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

/**
 * Seconds after which a look at an unfinished job is worth while: when it is to be begun, where that is known; else soon
 * for a young one. Ten at most.
 */
export const pollAfterS = (record: JobRecord, nowMs: number, etaMs: number | null = null): number =>
  Math.min(10, Math.max(1, Math.round(etaMs === null ? (nowMs - record.createdMs) / 10_000 : etaMs / 1000)));
