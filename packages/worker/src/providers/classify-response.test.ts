import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { describe, expect, test } from 'vitest';
import {
  classifyBroken,
  classifyBrokenOff,
  classifyResponse,
  type ErrorResponse,
  presentable,
  retryAfterMs,
} from './classify-response.ts';

const nowMs = Date.parse('2026-11-23T12:00:00Z');

const answered = (status: number, vendorCode: string | null = null): ErrorResponse => ({
  provider: 'openai',
  status,
  headers: undefined,
  vendorCode,
  vendorMessage: 'The vendor said so.',
});

describe('retry-after', () => {
  test.for([
    [{}, undefined],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': '1.0001' }, 1001],
    [{ 'retry-after-ms': '20' }, 20],
    [{ 'retry-after-ms': '20.2' }, 21],
    [{ 'retry-after-ms': '20', 'retry-after': '7' }, 20],
    [{ 'retry-after-ms': 'soon', 'retry-after': '7' }, 7000],
    [{ 'retry-after-ms': '', 'retry-after': '7' }, 7000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 12:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 11:59:30 GMT' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'NaN' }, undefined],
    [{ 'retry-after': 'Infinity' }, undefined],
    [{ 'retry-after': '0x10' }, undefined],
    // Stored with the failure as an integer: one that is none could not be read again.
    [{ 'retry-after': '9'.repeat(30) }, undefined],
  ] as const)('%j is %s ms', ([headers, expected]) => {
    expect(retryAfterMs(new Headers(headers as Record<string, string>), nowMs)).toBe(expected);
  });

  test('without headers there is none', () => {
    expect(retryAfterMs(undefined, nowMs)).toBeUndefined();
  });

  test.for([429, 503, 500])('a %i carries it', (status) => {
    const headers = new Headers({ 'retry-after': '3' });
    expect(classifyResponse({ ...answered(status), headers }, nowMs).retryAfterMs).toBe(3000);
  });
});

describe('the code', () => {
  test.for([
    [400, null, 'provider_refused'],
    [404, 'model_not_found', 'provider_refused'],
    [413, null, 'provider_refused'],
    [422, null, 'provider_refused'],
    [418, null, 'provider_refused'],
    [301, null, 'provider_refused'],
    [401, 'invalid_api_key', 'provider_misconfigured'],
    [403, null, 'provider_misconfigured'],
    [402, null, 'provider_quota_spent'],
    [429, 'insufficient_quota', 'provider_quota_spent'],
    [429, 'billing_hard_limit_reached', 'provider_quota_spent'],
    [429, 'enforced_spend_limit_reached', 'provider_quota_spent'],
    [400, 'billing_hard_limit_reached', 'provider_quota_spent'],
    [403, 'billing_error', 'provider_quota_spent'],
    [429, 'rate_limit_exceeded', 'provider_rate_limited'],
    [429, null, 'provider_rate_limited'],
    [408, null, 'provider_busy'],
    [409, null, 'provider_busy'],
    [500, 'server_error', 'provider_busy'],
    [502, null, 'provider_busy'],
    [529, 'overloaded_error', 'provider_busy'],
  ] as const)('of %i %s is %s', ([status, vendorCode, code]) => {
    expect(classifyResponse(answered(status, vendorCode)).code).toBe(code);
  });
});

describe('the detail', () => {
  test('a refusal says why', () => {
    expect(classifyResponse(answered(400, 'bad_thing')).detail).toBe(
      'openai answered 400 (bad_thing): The vendor said so.',
    );
  });

  test.for([401, 403, 402, 429, 500])('a %i keeps the words to itself', (status) => {
    expect(classifyResponse(answered(status)).detail).toBe(`openai answered ${status}.`);
  });

  test('is short, and names no credential', () => {
    const detail = `${'x'.repeat(395)}sk-secret${'y'.repeat(10_000)}`;
    const shown = presentable({ code: 'provider_refused', detail }, 'sk-secret').detail;
    expect(shown).toBe(`${'x'.repeat(395)}[cred`);
  });
});

describe('an error in mid-answer', () => {
  const said = (vendorCode: string | null) =>
    classifyBrokenOff({ provider: 'openai', vendorCode, vendorMessage: 'The vendor said so.' });

  test.for([
    [null, 'provider_busy'],
    ['server_error', 'provider_busy'],
    ['overloaded_error', 'provider_busy'],
    ['vector_store_timeout', 'provider_busy'],
    ['rate_limit_exceeded', 'provider_rate_limited'],
    ['rate_limit_error', 'provider_rate_limited'],
    ['insufficient_quota', 'provider_quota_spent'],
    ['invalid_prompt', 'provider_refused'],
    ['invalid_request_error', 'provider_refused'],
    ['image_too_large', 'provider_refused'],
    ['failed_to_download_image', 'provider_refused'],
    ['unsupported_image_media_type', 'provider_refused'],
    ['empty_image_file', 'provider_refused'],
    ['bio_policy', 'provider_refused'],
  ] as const)('of %s is %s', ([vendorCode, code]) => {
    expect(said(vendorCode).code).toBe(code);
  });

  test('only one that blames the request passes on the words', () => {
    expect(said('invalid_prompt')).toMatchObject({
      detail: 'openai broke off its answer (invalid_prompt): The vendor said so.',
      refusal: { status: 400, code: 'invalid_prompt' },
    });
    expect(said('server_error').detail).toBe('openai broke off its answer (server_error).');
  });
});

describe('without a response', () => {
  const own = new GatewayError({ code: 'provider_timeout', detail: 'Too long.' });
  test.for([
    [own, 'provider_timeout'],
    [new SyntaxError('Unexpected end of JSON input'), 'provider_bad_answer'],
    [new TypeError('terminated', { cause: new Error('other side closed') }), 'provider_unreachable'],
    [new TypeError('x is not a function'), 'internal'],
    [new Error('what is this'), 'internal'],
    ['not even an error', 'internal'],
    [undefined, 'internal'],
  ] as const)('%s is %s', ([error, code]) => {
    expect(classifyBroken('openai', error).code).toBe(code);
  });

  test('the words of an unknown error stay inside', () => {
    expect(classifyBroken('openai', new Error('sk-secret')).detail).not.toContain('sk-secret');
  });
});
