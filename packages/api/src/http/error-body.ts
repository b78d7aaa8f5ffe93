import { type Failure, type FailureCode, failureRow } from '@llm-gateway/shared/contracts/failure';
import type { Dialect } from './dialect.ts';
import { retryAfterHeaders } from './retry-after.ts';

export interface ErrorContext {
  requestId: string;
  jobId?: string | undefined;
}

export interface ErrorReply {
  status: number;
  contentType: string;
  body: object;
}

const openaiCode: Partial<Record<FailureCode, string | null>> = {
  invalid_request: null,
  malformed_request: null,
  unauthenticated: 'invalid_api_key',
  forbidden: null,
  not_found: null,
  too_large: 'request_too_large',
  rate_limited: 'rate_limit_exceeded',
  budget_exceeded: 'insufficient_quota',
  lane_full: 'overloaded',
  dependency_down: 'overloaded',
  draining: 'overloaded',
  provider_busy: 'upstream_error',
  provider_refused: 'upstream_error',
  provider_unreachable: 'upstream_error',
  provider_timeout: 'upstream_error',
  provider_bad_answer: 'upstream_error',
  provider_misconfigured: 'upstream_error',
  answer_broken_off: 'upstream_error',
  provider_quota_spent: 'upstream_error',
};

const anthropicType: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  406: 'invalid_request_error',
  409: 'conflict_error',
  410: 'not_found_error',
  413: 'request_too_large',
  415: 'invalid_request_error',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** OpenAI's spelling of a field: `stop[0]`, not `/stop/0`. Names of headers and parameters stay. */
const paramOf = ({ field }: Failure): string | null =>
  field?.startsWith('/')
    ? field
        .slice(1)
        .replace(/\/(\d+)(?=\/|$)/g, '[$1]')
        .replaceAll('/', '.')
        .replaceAll('~1', '/')
        .replaceAll('~0', '~')
    : field || null;

const isRetryable = (failure: Failure) =>
  failureRow(failure.code).clientRetry ?? [429, 500, 503].includes(failureRow(failure.code).status);

function nativeReply(failure: Failure, { requestId, jobId }: ErrorContext): ErrorReply {
  const { status, title, type } = failureRow(failure.code);
  return {
    status,
    contentType: 'application/problem+json; charset=utf-8',
    body: {
      type: `urn:llm-gateway:problem:${failure.code.replaceAll('_', '-')}`,
      title,
      status,
      detail: failure.detail,
      ...(jobId === undefined ? {} : { instance: `/v1/jobs/${jobId}`, job_id: jobId }),
      request_id: requestId,
      code: failure.code,
      retryable: isRetryable(failure),
      ...(failure.errors === undefined ? {} : { errors: failure.errors }),
      error: { message: failure.detail, type, param: paramOf(failure), code: failure.code },
    },
  };
}

function openaiReply(failure: Failure): ErrorReply {
  const row = failureRow(failure.code);
  const { refusal } = failure;
  if (refusal) {
    const { type = 'invalid_request_error', code = null, param = null } = refusal;
    return vendorReply(refusal.status, { error: { message: failure.detail, type, param, code } });
  }
  // A spent budget is 402 elsewhere; OpenAI's clients know it as 429 insufficient_quota.
  const status = failure.code === 'budget_exceeded' ? 429 : failure.code === 'invalid_request' ? 400 : row.status;
  const listed = openaiCode[failure.code];
  const code = listed === undefined ? failure.code : listed;
  return vendorReply(status, { error: { message: failure.detail, type: row.type, param: paramOf(failure), code } });
}

function anthropicReply(failure: Failure, { requestId }: ErrorContext): ErrorReply {
  const row = failureRow(failure.code);
  const status = failure.refusal?.status ?? anthropicStatus(row.status, failure.code);
  return vendorReply(status, {
    type: 'error',
    error: { type: anthropicType[status] ?? 'api_error', message: failure.detail },
    request_id: requestId,
  });
}

function anthropicStatus(status: number, code: FailureCode): number {
  if (status === 503) return 529;
  if (status === 410) return 404;
  return code === 'invalid_request' ? 400 : status;
}

const vendorReply = (status: number, body: object): ErrorReply => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body,
});

/** A failure in the terms of a dialect: problem+json with OpenAI's `error` beside it, or a vendor's pure envelope. */
export function errorReply(dialect: Dialect, failure: Failure, context: ErrorContext): ErrorReply {
  switch (dialect) {
    case 'native':
      return nativeReply(failure, context);
    case 'openai':
      return openaiReply(failure);
    case 'anthropic':
      return anthropicReply(failure, context);
  }
}

/** Headers that tell a client whether and when to try again. */
export function retryHeaders(failure: Failure): Record<string, string> {
  const { clientRetry } = failureRow(failure.code);
  return {
    ...(clientRetry === undefined ? {} : { 'x-should-retry': String(clientRetry) }),
    ...(failure.retryAfterMs === undefined ? {} : retryAfterHeaders(failure.retryAfterMs)),
  };
}
