import type { Dialect } from '../call/dialect.ts';
import type { Refusal, RefusalReason } from '../call/refusal.ts';

interface Shape {
  status: number;
  message: string;
}

const shapes: Record<RefusalReason, Shape> = {
  'invalid-body': { status: 400, message: 'Invalid request.' },
  'not-json': { status: 400, message: 'The request body is not valid JSON.' },
  'too-large': { status: 413, message: 'Request exceeds the maximum size.' },
  'no-credential': { status: 401, message: 'x-api-key header is required. Any non-empty one will do.' },
  'no-such-model': { status: 404, message: 'model not found' },
  'no-such-response': { status: 404, message: 'Not found' },
  'no-previous-response': { status: 400, message: 'Not found' },
  'no-such-path': { status: 404, message: 'Not found' },
  'rate-limited': { status: 429, message: 'Number of requests has exceeded your rate limit.' },
  'quota-spent': { status: 429, message: "This request would exceed your organization's enforced spend limit." },
  overloaded: { status: 529, message: 'Overloaded' },
  'ordered-status': { status: 500, message: 'The sandbox was told to fail.' },
  internal: { status: 500, message: 'The sandbox itself failed.' },
};

const types: Record<number, string> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

export const anthropicDialect: Dialect = {
  name: 'anthropic',
  requestIdHeader: 'request-id',
  refuse(refusal, callId) {
    const { reason, details } = refusal;
    const status = details.status ?? shapes[reason].status;
    const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
    // The only thing that tells a spent budget from a rate limit: both are 429 rate_limit_error.
    const spent = reason === 'quota-spent' ? { details: { error_code: 'enforced_spend_limit_reached' } } : {};
    return {
      status,
      headers: details.retryAfterS === undefined ? {} : { 'retry-after': String(details.retryAfterS) },
      body: { type: 'error', error: { type, message: messageOf(refusal), ...spent }, request_id: callId },
    };
  },
};

function messageOf({ reason, details }: Refusal): string {
  if (reason === 'no-such-model') return `model: ${details.message}`;
  const path = details.path?.map(String).join('.');
  const message = details.message ?? shapes[reason].message;
  return path ? `${path}: ${message}` : message;
}
