import { type FailureCode, failureCodes } from '@llm-gateway/shared/contracts/failure';
import { describe, expect, test } from 'vitest';
import { errorReply, retryHeaders } from './error-body.ts';

type Row = [
  native: number,
  openai: [number, string, string | null],
  anthropic: [number, string],
  shouldRetry?: 'true' | 'false',
];

const refused = 'invalid_request_error';
const upstream: Row = [502, [502, 'server_error', 'upstream_error'], [502, 'api_error'], 'false'];
const overloaded: Row = [503, [503, 'server_error', 'overloaded'], [529, 'overloaded_error']];

/** The error table of the HTTP surface. A new failure does not compile until it has its row here. */
const table: Record<FailureCode, Row> = {
  malformed_request: [400, [400, refused, null], [400, refused]],
  invalid_request: [422, [400, refused, null], [400, refused], 'false'],
  unauthenticated: [401, [401, 'authentication_error', 'invalid_api_key'], [401, 'authentication_error']],
  forbidden: [403, [403, 'permission_error', null], [403, 'permission_error']],
  not_found: [404, [404, refused, null], [404, 'not_found_error']],
  unknown_url: [404, [404, refused, 'unknown_url'], [404, 'not_found_error']],
  model_not_found: [404, [404, refused, 'model_not_found'], [404, 'not_found_error']],
  previous_response_not_found: [400, [400, refused, 'previous_response_not_found'], [400, refused]],
  method_not_allowed: [405, [405, refused, 'method_not_allowed'], [405, refused]],
  conflict: [409, [409, 'conflict_error', 'conflict'], [409, 'conflict_error'], 'false'],
  result_expired: [410, [410, refused, 'result_expired'], [404, 'not_found_error']],
  too_large: [413, [413, refused, 'request_too_large'], [413, 'request_too_large']],
  unsupported_media_type: [415, [415, refused, 'unsupported_media_type'], [415, refused]],
  rate_limited: [429, [429, 'rate_limit_exceeded', 'rate_limit_exceeded'], [429, 'rate_limit_error']],
  budget_exceeded: [402, [429, 'insufficient_quota', 'insufficient_quota'], [402, 'billing_error'], 'false'],
  internal: [500, [500, 'server_error', 'internal'], [500, 'api_error']],
  lane_full: overloaded,
  dependency_down: overloaded,
  draining: overloaded,
  sync_wait_exceeded: [504, [504, 'timeout_error', 'sync_wait_exceeded'], [504, 'timeout_error'], 'true'],
  deadline_exceeded: [504, [504, 'timeout_error', 'deadline_exceeded'], [504, 'timeout_error'], 'false'],
  cache_miss: [504, [504, 'timeout_error', 'cache_miss'], [504, 'timeout_error'], 'false'],
  job_cancelled: [409, [409, 'conflict_error', 'job_cancelled'], [409, 'conflict_error'], 'false'],
  job_abandoned: [410, [410, refused, 'job_abandoned'], [404, 'not_found_error']],
  idempotency_key_reused: [422, [422, refused, 'idempotency_key_reused'], [422, refused], 'false'],
  idempotency_in_flight: [409, [409, 'conflict_error', 'idempotency_in_flight'], [409, 'conflict_error'], 'true'],
  not_acceptable: [406, [406, refused, 'not_acceptable'], [406, refused]],
  provider_busy: upstream,
  provider_rate_limited: [429, [429, 'rate_limit_exceeded', 'provider_rate_limited'], [429, 'rate_limit_error']],
  provider_quota_spent: upstream,
  provider_refused: upstream,
  provider_unreachable: upstream,
  provider_timeout: upstream,
  provider_bad_answer: upstream,
  provider_misconfigured: upstream,
  answer_broken_off: upstream,
};

const context = { requestId: 'req_1', jobId: 'job_1' };

describe.for(failureCodes)('%s', (code) => {
  const failure = { code, detail: 'What happened.', field: '/stop/0' };
  const [native, [openaiStatus, openaiType, openaiCode], [anthropicStatus, anthropicType], shouldRetry] = table[code];

  test(`is ${native} natively`, () => {
    const { status, contentType, body } = errorReply('native', failure, context);
    expect([status, contentType]).toEqual([native, 'application/problem+json; charset=utf-8']);
    expect(body).toEqual({
      type: `urn:llm-gateway:problem:${code.replaceAll('_', '-')}`,
      title: expect.stringMatching(/^[A-Z]/),
      status: native,
      detail: 'What happened.',
      instance: '/v1/jobs/job_1',
      job_id: 'job_1',
      request_id: 'req_1',
      code,
      retryable: expect.any(Boolean),
      error: { message: 'What happened.', type: openaiType, param: 'stop[0]', code },
    });
  });

  test(`is ${openaiStatus} ${openaiType} to OpenAI's clients`, () => {
    const { status, contentType, body } = errorReply('openai', failure, context);
    expect([status, contentType]).toEqual([openaiStatus, 'application/json; charset=utf-8']);
    expect(body).toEqual({
      error: { message: 'What happened.', type: openaiType, param: 'stop[0]', code: openaiCode },
    });
  });

  test(`is ${anthropicStatus} ${anthropicType} to Anthropic's clients`, () => {
    const { status, contentType, body } = errorReply('anthropic', failure, context);
    expect([status, contentType]).toEqual([anthropicStatus, 'application/json; charset=utf-8']);
    expect(body).toEqual({
      type: 'error',
      error: { type: anthropicType, message: 'What happened.' },
      request_id: 'req_1',
    });
  });

  test(`x-should-retry: ${shouldRetry ?? 'absent'}`, () => {
    expect(retryHeaders(failure)['x-should-retry']).toBe(shouldRetry);
  });
});

describe('the native body', () => {
  test('leaves out what there is not', () => {
    const { body } = errorReply('native', { code: 'internal', detail: 'x' }, { requestId: 'r' });
    for (const absent of ['instance', 'job_id', 'errors']) expect(body).not.toHaveProperty(absent);
    expect(body).toMatchObject({ error: { param: null } });
  });

  test('lists the faults of a body', () => {
    const errors = [{ pointer: '/temperature', detail: 'must be <= 2' }];
    const { body } = errorReply('native', { code: 'invalid_request', detail: 'x', errors }, { requestId: 'r' });
    expect(body).toMatchObject({ errors });
  });

  test.for([
    ['/model', 'model'],
    ['/stop/0', 'stop[0]'],
    ['/messages/12/content/0/text', 'messages[12].content[0].text'],
    ['/metadata/a~1b~0c', 'metadata.a/b~c'],
    ['x-gateway-cache-ttl', 'x-gateway-cache-ttl'],
    ['limit', 'limit'],
    ['', null],
  ] as const)('the field %s is the param %s', ([field, param]) => {
    const { body } = errorReply('native', { code: 'invalid_request', detail: 'x', field }, { requestId: 'r' });
    expect(body).toMatchObject({ error: { param } });
  });
});

describe('when to come again', () => {
  test.for([
    [50, '1', '50', undefined],
    [1000, '1', '1000', undefined],
    [1001, '2', '1001', undefined],
    [60_000, '60', '60000', undefined],
    [60_001, '61', '60001', 'false'],
  ] as const)('%i ms', ([retryAfterMs, seconds, milliseconds, shouldRetry]) => {
    expect(retryHeaders({ code: 'rate_limited', detail: 'x', retryAfterMs })).toEqual({
      'retry-after': seconds,
      'retry-after-ms': milliseconds,
      ...(shouldRetry === undefined ? {} : { 'x-should-retry': shouldRetry }),
    });
  });

  test('is not said where nobody knows', () => {
    expect(retryHeaders({ code: 'provider_busy', detail: 'x' })).toEqual({ 'x-should-retry': 'false' });
  });
});
