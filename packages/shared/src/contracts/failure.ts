import { z } from 'zod';

interface FailureRow {
  /** HTTP status of the answer that tells a client. */
  status: number;
  title: string;
  /** `error.type` in OpenAI's vocabulary, which the native body carries too. */
  type: string;
  /** What the queue does when an attempt ends so. */
  retry: 'never' | 'backoff';
  /** Sent as `x-should-retry`; absent means that the client's own rule stands. */
  clientRetry?: boolean;
}

/** Every way in which a request or a job can fail. A row exists only where a caller or the queue acts differently. */
export const failures = {
  malformed_request: { status: 400, title: 'Malformed request', type: 'invalid_request_error', retry: 'never' },
  invalid_request: {
    status: 422,
    title: 'Invalid request',
    type: 'invalid_request_error',
    retry: 'never',
    clientRetry: false,
  },
  unauthenticated: { status: 401, title: 'Unauthenticated', type: 'authentication_error', retry: 'never' },
  forbidden: { status: 403, title: 'Forbidden', type: 'permission_error', retry: 'never' },
  not_found: { status: 404, title: 'Not found', type: 'invalid_request_error', retry: 'never' },
  unknown_url: { status: 404, title: 'Unknown URL', type: 'invalid_request_error', retry: 'never' },
  model_not_found: { status: 404, title: 'Unknown model', type: 'invalid_request_error', retry: 'never' },
  previous_response_not_found: {
    status: 400,
    title: 'Unknown previous response',
    type: 'invalid_request_error',
    retry: 'never',
  },
  method_not_allowed: { status: 405, title: 'Method not allowed', type: 'invalid_request_error', retry: 'never' },
  conflict: { status: 409, title: 'Conflict', type: 'conflict_error', retry: 'never', clientRetry: false },
  result_expired: { status: 410, title: 'Result expired', type: 'invalid_request_error', retry: 'never' },
  too_large: { status: 413, title: 'Too large', type: 'invalid_request_error', retry: 'never' },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    type: 'invalid_request_error',
    retry: 'never',
  },
  rate_limited: { status: 429, title: 'Too many requests', type: 'rate_limit_exceeded', retry: 'never' },
  budget_exceeded: {
    status: 402,
    title: 'Budget spent',
    type: 'insufficient_quota',
    retry: 'never',
    clientRetry: false,
  },
  internal: { status: 500, title: 'Internal error', type: 'server_error', retry: 'backoff' },
  lane_full: { status: 503, title: 'Queue full', type: 'server_error', retry: 'never' },
  dependency_down: { status: 503, title: 'Dependency down', type: 'server_error', retry: 'backoff' },
  draining: { status: 503, title: 'Shutting down', type: 'server_error', retry: 'never' },
  sync_wait_exceeded: { status: 504, title: 'Still running', type: 'timeout_error', retry: 'never', clientRetry: true },
  deadline_exceeded: {
    status: 504,
    title: 'Deadline passed',
    type: 'timeout_error',
    retry: 'never',
    clientRetry: false,
  },
  cache_miss: { status: 504, title: 'Not in the cache', type: 'timeout_error', retry: 'never', clientRetry: false },
  job_cancelled: { status: 409, title: 'Cancelled', type: 'conflict_error', retry: 'never', clientRetry: false },
  job_abandoned: { status: 410, title: 'Abandoned', type: 'invalid_request_error', retry: 'never' },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency key reused',
    type: 'invalid_request_error',
    retry: 'never',
    clientRetry: false,
  },
  idempotency_in_flight: {
    status: 409,
    title: 'Still in progress',
    type: 'conflict_error',
    retry: 'never',
    clientRetry: true,
  },
  not_acceptable: { status: 406, title: 'Not acceptable', type: 'invalid_request_error', retry: 'never' },
  provider_busy: { status: 502, title: 'Provider failed', type: 'server_error', retry: 'backoff', clientRetry: false },
  provider_rate_limited: {
    status: 429,
    title: 'Provider limit reached',
    type: 'rate_limit_exceeded',
    retry: 'backoff',
  },
  provider_quota_spent: {
    status: 502,
    title: 'Provider quota spent',
    type: 'server_error',
    retry: 'never',
    clientRetry: false,
  },
  provider_refused: {
    status: 502,
    title: 'Provider refused the request',
    type: 'server_error',
    retry: 'never',
    clientRetry: false,
  },
  provider_unreachable: {
    status: 502,
    title: 'Provider unreachable',
    type: 'server_error',
    retry: 'backoff',
    clientRetry: false,
  },
  provider_timeout: {
    status: 502,
    title: 'Provider timed out',
    type: 'server_error',
    retry: 'backoff',
    clientRetry: false,
  },
  provider_bad_answer: {
    status: 502,
    title: 'Provider answered nonsense',
    type: 'server_error',
    retry: 'backoff',
    clientRetry: false,
  },
  answer_broken_off: {
    status: 502,
    title: 'Answer broke off',
    type: 'server_error',
    retry: 'never',
    clientRetry: false,
  },
  provider_misconfigured: {
    status: 502,
    title: 'Provider rejected our credentials',
    type: 'server_error',
    retry: 'never',
    clientRetry: false,
  },
} as const satisfies Record<string, FailureRow>;

export type FailureCode = keyof typeof failures;

export const failureCodes = Object.keys(failures) as [FailureCode, ...FailureCode[]];

/** A failure as data: what clients, records and webhooks see. `detail` names no key, prompt or host. */
export const failure = z.object({
  code: z.enum(failureCodes),
  detail: z.string(),
  /** JSON pointer into the body, a header's name or a parameter's name. */
  field: z.string().optional(),
  /** Every fault found in the body, when there may be several. */
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  retryAfterMs: z.number().int().nonnegative().optional(),
  provider: z.string().optional(),
  /** How the provider itself put it, of a refusal: a client that speaks its dialect is told in the same terms. */
  refusal: z
    .object({
      status: z.number().int(),
      type: z.string().optional(),
      code: z.string().optional(),
      param: z.string().optional(),
    })
    .optional(),
});

export type Failure = z.infer<typeof failure>;

/** The row of a code, with the optional members visible to the type checker. */
export const failureRow = (code: FailureCode): FailureRow => failures[code];

/** What a log may say of a failure. A refusal passes on a provider's own words, and these may quote the prompt. */
export const loggableDetail = ({ code, detail }: Failure): string =>
  code === 'provider_refused' ? failures[code].title : detail;

/** The only error that our own code throws. The cause stays in the process's log and never reaches a client. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly failure: Failure;

  constructor(failure: Failure, cause?: unknown) {
    super(`${failure.code}: ${failure.detail}`, { cause });
    this.failure = failure;
  }
}
