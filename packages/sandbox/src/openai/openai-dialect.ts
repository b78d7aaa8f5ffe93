import type { Dialect } from '../call/dialect.ts';
import type { Refusal, RefusalReason } from '../call/refusal.ts';

interface Shape {
  status: number;
  type: string;
  code: string | null;
  message: string;
}

const shapes: Record<RefusalReason, Shape> = {
  'invalid-body': { status: 400, type: 'invalid_request_error', code: 'invalid_value', message: 'Invalid request.' },
  'not-json': {
    status: 400,
    type: 'invalid_request_error',
    code: null,
    message: 'We could not parse the JSON body of your request.',
  },
  'too-large': { status: 413, type: 'invalid_request_error', code: null, message: 'Request body is too large.' },
  'no-credential': {
    status: 401,
    type: 'invalid_request_error',
    code: 'invalid_api_key',
    message: "You didn't provide an API key. Any non-empty one will do.",
  },
  'no-such-model': { status: 404, type: 'invalid_request_error', code: 'model_not_found', message: '' },
  'no-such-response': { status: 404, type: 'invalid_request_error', code: null, message: 'Response not found.' },
  'no-previous-response': {
    status: 400,
    type: 'invalid_request_error',
    code: 'previous_response_not_found',
    message: 'Previous response not found.',
  },
  'no-such-path': { status: 404, type: 'invalid_request_error', code: 'unknown_url', message: 'Unknown request URL.' },
  'rate-limited': { status: 429, type: 'requests', code: 'rate_limit_exceeded', message: 'Rate limit reached.' },
  'quota-spent': {
    status: 429,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message: 'You exceeded your current quota, please check your plan and billing details.',
  },
  overloaded: { status: 503, type: 'server_error', code: null, message: 'The engine is currently overloaded.' },
  'ordered-status': { status: 500, type: 'server_error', code: null, message: 'The sandbox was told to fail.' },
  internal: { status: 500, type: 'server_error', code: null, message: 'The sandbox itself failed.' },
};

/** How OpenAI puts a bare status, for `status-<code>`. */
const byStatus: Record<number, Pick<Shape, 'type' | 'code'>> = {
  401: { type: 'invalid_request_error', code: 'invalid_api_key' },
  403: { type: 'request_forbidden', code: 'unsupported_country_region_territory' },
  404: { type: 'invalid_request_error', code: 'model_not_found' },
  429: { type: 'requests', code: 'rate_limit_exceeded' },
};

export const openaiDialect: Dialect = {
  name: 'openai',
  requestIdHeader: 'x-request-id',
  refuse(refusal) {
    const { status, type, code, message } = shapeOf(refusal);
    const { path, retryAfterS } = refusal.details;
    return {
      status,
      headers: retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) },
      body: { error: { message, type, param: path?.length ? formatPath(path) : null, code } },
    };
  },
};

function shapeOf({ reason, details }: Refusal): Shape {
  const shape = shapes[reason];
  switch (reason) {
    case 'ordered-status': {
      const status = details.status ?? shape.status;
      const usual = { type: status < 500 ? 'invalid_request_error' : 'server_error', code: null };
      return { ...shape, status, ...(byStatus[status] ?? usual) };
    }
    case 'no-such-model':
      return { ...shape, message: `The model \`${details.message}\` does not exist or you do not have access to it.` };
    case 'invalid-body':
      return { ...shape, ...describeInvalid(details.path ?? [], details.message ?? shape.message) };
    default:
      return { ...shape, message: details.message ?? shape.message };
  }
}

function describeInvalid(path: readonly PropertyKey[], message: string): Pick<Shape, 'code' | 'message'> {
  const name = formatPath(path);
  if (message === 'Field required') {
    return { code: 'missing_required_parameter', message: `Missing required parameter: '${name}'.` };
  }
  return { code: 'invalid_value', message: `Invalid value for '${name}': ${message}` };
}

/** `messages[0].role` */
function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`))
    .join('');
}
