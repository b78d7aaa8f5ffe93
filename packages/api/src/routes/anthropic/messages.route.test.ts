import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { FailureCode } from '@llm-gateway/shared/contracts/failure';
import { parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { makeKey, makeTenant } from '../../test/make-key.ts';
import { readMessageStream } from '../../test/read-message-stream.ts';
import { answered, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

const environment = { MAX_REQUESTS_PER_MINUTE: '1000', BODY_LIMIT_BYTES: '20000' };

let api: TestApi;
let keyed: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment });
  keyed = await startTestApi({ redisUrl: inject('redisUrl'), environment, authMode: 'keys' });
});
afterAll(() => Promise.all([api?.close(), keyed?.close()]));
beforeEach(() => {
  api.answers = undefined;
  keyed.answers = undefined;
});
afterEach(() => {
  api.drain.begun = false;
});

type Headers = Record<string, string>;

const ask = (more: object = {}) => ({
  model: 'gpt-4o',
  max_tokens: 100,
  messages: [{ role: 'user', content: `Hello ${randomUUID()}` }],
  ...more,
});
const post = (payload: object | string, headers: Headers = {}, to = api) =>
  to.inject({
    method: 'POST',
    url: '/v1/messages',
    payload,
    headers: { 'content-type': 'application/json', ...headers },
  });

const linkedDocument = { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } };

const suffixOf = ({ headers }: LightMyRequestResponse) => String(headers['x-job-id']).slice('job_'.length);

async function recordOf(id: string) {
  const record = parseJobRecord(await api.redis.hgetall(api.deps.keys.job(id)));
  if (!record) throw new Error(`no job ${id}`);
  return record;
}

const claudes = {
  id: 'msg_of_the_provider',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content: [
    { type: 'thinking', thinking: 'Hm.', signature: 's' },
    { type: 'text', text: 'Hi.', citations: null },
  ],
  stop_reason: 'stop_sequence',
  stop_sequence: 'END',
  stop_details: null,
  container: null,
  usage: { input_tokens: 11, output_tokens: 7, of_tomorrow: 1 },
  of_tomorrow: { x: [1, null] },
};
const fromClaude = () => answered('Hi.', { native: { api: 'messages', body: claudes } });

/** Asserts an error in Anthropic's envelope. */
function expectError(response: LightMyRequestResponse, status: number, type: string, message: RegExp = /./): void {
  expect([response.statusCode, response.body]).toEqual([status, expect.anything()]);
  expect(response.json()).toEqual({
    type: 'error',
    error: { type, message: expect.stringMatching(message) },
    request_id: response.headers['request-id'],
  });
  expect(response.headers['request-id']).toMatch(/^req_/);
}

describe('the answer', () => {
  test('of another provider is a message, whole and streamed', async () => {
    const call = { type: 'tool-call' as const, id: 'call_1', name: 'look', arguments: '{"at":"bears"}' };
    const usage = { promptTokens: 11, completionTokens: 7, totalTokens: 18, cachedPromptTokens: 4 };
    api.answers = () => answered('Hi.', { parts: [{ type: 'text', text: 'Hi.' }, call], usage });
    const whole = await post(ask());
    expect(whole.statusCode).toBe(200);
    expect(whole.json()).toMatchObject({
      id: `msg_${suffixOf(whole)}`,
      type: 'message',
      role: 'assistant',
      model: 'gpt-4o',
      content: [
        { type: 'text', text: 'Hi.', citations: null },
        { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 'bears' } },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: { input_tokens: 7, cache_read_input_tokens: 4, cache_creation_input_tokens: 0, output_tokens: 7 },
    });
    const stream = await post(ask({ stream: true }));
    expect(stream.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(await readMessageStream(stream.body)).toEqual({ ...whole.json(), id: `msg_${suffixOf(stream)}` });
  });

  test('of Claude is its own but for the id, whole and streamed', async () => {
    api.answers = fromClaude;
    const whole = await post(ask({ model: 'claude-sonnet-4-5' }));
    expect(whole.json()).toEqual({ ...claudes, id: `msg_${suffixOf(whole)}` });
    const stream = await post(ask({ model: 'claude-sonnet-4-5', stream: true }));
    expect(await readMessageStream(stream.body)).toEqual({ ...claudes, id: `msg_${suffixOf(stream)}` });
  });

  test('is found again by its id', async () => {
    api.answers = fromClaude;
    const response = await post(ask({ model: 'claude-sonnet-4-5' }));
    const again = await api.get(`/v1/jobs/${response.json().id}/result`);
    expect(again.json()).toEqual(response.json());
  });

  test.for([
    ['stop', 'end_turn'],
    ['length', 'max_tokens'],
    ['content_filter', 'refusal'],
    ['tool_calls', 'tool_use'],
    ['other', 'end_turn'],
  ] as const)('that ended by %s has the stop reason %s', async ([unified, reason]) => {
    api.answers = () => answered('Hi.', { finishReason: { unified, raw: 'x' } });
    expect((await post(ask())).json().stop_reason).toBe(reason);
  });

  test('that is a refusal says so', async () => {
    api.answers = () => answered('', { parts: [{ type: 'refusal', text: 'No.' }] });
    expect((await post(ask())).json()).toMatchObject({
      content: [{ type: 'text', text: 'No.' }],
      stop_reason: 'refusal',
      stop_details: { type: 'refusal' },
    });
  });

  test.for([
    ['', {}],
    ['{"a":', { INVALID_JSON: '{"a":' }],
    ['[1]', { INVALID_JSON: '[1]' }],
  ] as const)('with a call whose arguments are %j', async ([given, input]) => {
    api.answers = () => answered('', { parts: [{ type: 'tool-call', id: 'c', name: 'look', arguments: given }] });
    expect((await post(ask())).json().content).toEqual([{ type: 'tool_use', id: 'c', name: 'look', input }]);
  });

  test('shows what was thought to a client that asked to see it', async () => {
    api.answers = () =>
      answered('Hi.', {
        parts: [
          { type: 'reasoning', text: 'Hm.' },
          { type: 'text', text: 'Hi.' },
        ],
      });
    const shown = async (thinking?: object) => {
      const { content } = (await post(ask({ thinking }))).json();
      return content.length === 2;
    };
    expect(await shown()).toBe(false);
    expect(await shown({ type: 'disabled' })).toBe(false);
    expect(await shown({ type: 'adaptive', display: 'omitted' })).toBe(false);
    expect(await shown({ type: 'adaptive' })).toBe(true);
  });

  test('is shared between equal requests of temperature 0, and else where it is asked for', async () => {
    api.answers = fromClaude;
    const statusOf = async (body: object) => (await post(body)).headers['cache-status'];
    const cold = ask({ model: 'claude-sonnet-4-5', temperature: 0 });
    expect(await statusOf(cold)).toBe('gateway; fwd=miss; stored');
    const hit = await post({ ...cold, stream: true });
    expect(hit.headers['cache-status']).toMatch(/^gateway; hit/);
    expect(await readMessageStream(hit.body)).toEqual({ ...claudes, id: `msg_${suffixOf(hit)}` });
    const warm = ask();
    expect(await statusOf(warm)).toBe('gateway; fwd=bypass');
    expect(await statusOf({ ...warm, gateway: { cache: { mode: 'on' } } })).toBe('gateway; fwd=miss; stored');
    const acting = { ...cold, tools: [{ type: 'web_search_20250305', name: 'web_search' }] };
    expect(await statusOf(acting)).toBe('gateway; fwd=bypass');
  });
});

describe('a job keeps', () => {
  test("the client's own body, without what only the gateway reads, and the headers that its provider reads", async () => {
    api.answers = fromClaude;
    const asked = ask({ model: 'claude-sonnet-4-5', top_k: 5, of_tomorrow: null, metadata: { user_id: 'u7' } });
    const headers = { 'anthropic-beta': 'a-2026, b-2026', 'anthropic-version': '2026-10-21', 'x-other': 'x' };
    const response = await post({ ...asked, stream: true, gateway: { metadata: { team: 'blue' } } }, headers);
    const { user, metadata, generation } = await recordOf(String(response.headers['x-job-id']));
    expect([user, metadata]).toEqual(['u7', { team: 'blue' }]);
    const { 'x-other': _, ...sent } = headers;
    expect(generation.native).toEqual({ api: 'messages', body: asked, headers: sent });
  });

  test.for([
    ['u'.repeat(128), 'u'.repeat(128)],
    ['u'.repeat(129), expect.stringMatching(/^[0-9a-f]{64}$/)],
    ['\ud800', expect.stringMatching(/^[0-9a-f]{64}$/)],
    ['', 'anonymous'],
    [null, 'anonymous'],
  ])('of metadata.user_id %j the user %j', async ([user_id, user]) => {
    api.answers = fromClaude;
    const response = await post(ask({ metadata: { user_id } }));
    expect((await recordOf(String(response.headers['x-job-id']))).user).toEqual(user);
  });

  test.for(['anthropic-beta', 'anthropic-version'])('no %s that has no bound', async (name) => {
    expectError(await post(ask(), { [name]: 'x'.repeat(1025) }), 400, 'invalid_request_error', new RegExp(name));
  });
});

describe('is refused', () => {
  test.for([
    [{ max_tokens: undefined }, /^\/max_tokens: is required$/],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, /^\/messages\/0\/content\/0\/text: is required$/],
    [{ temperature: 2 }, /^\/temperature: must be <= 1$/],
    [{ gateway: { priority: 11 } }, /^\/gateway\/priority: must be <= 10$/],
    [{ max_tokens: 1_000_000 }, /^\/max_tokens: must be <= 16384 for gpt-4o$/],
    [{ stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, /^\/stop_sequences: must have at most 4 items/],
    [{ messages: [{ role: 'user', content: [linkedDocument] }] }, /^\/messages: must hold documents as base64/],
    [{ top_k: 5, speed: 'fast' }, /^\/top_k: has no counterpart.*; \/speed: has no counterpart/],
  ] as [object, RegExp][])('%j', async ([more, message]) => {
    expectError(await post(ask(more)), 400, 'invalid_request_error', message);
  });

  test.for([{ stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, { top_k: 5, speed: 'fast' }])(
    'not %j of a model whose provider speaks the dialect',
    async (more) => {
      api.answers = fromClaude;
      expect((await post(ask({ model: 'claude-sonnet-4-5', ...more }))).statusCode).toBe(200);
    },
  );

  test('what is no JSON', async () => {
    expectError(await post('{'), 400, 'invalid_request_error', /not valid JSON/);
  });

  test('a body that is too large', async () => {
    expectError(await post(ask({ system: 'x'.repeat(30_000) })), 413, 'request_too_large');
  });

  test('a model that nobody knows', async () => {
    expectError(await post(ask({ model: 'gpt-of-tomorrow' })), 404, 'not_found_error', /gpt-of-tomorrow/);
  });

  test('who has no key, or one for something else', async () => {
    expectError(await post(ask(), {}, keyed), 401, 'authentication_error');
    expectError(await post(ask(), { 'x-api-key': 'wrong' }, keyed), 401, 'authentication_error');
    const reader = await makeKey(keyed, { scopes: ['read'] });
    expectError(await post(ask(), reader.headers, keyed), 403, 'permission_error');
    const other = await makeKey(keyed, { models: ['openai/gpt-4o-mini'] });
    expectError(await post(ask(), other.headers, keyed), 403, 'permission_error', /may not use/);
  });

  test('whose budget is spent', async () => {
    const { headers } = await makeKey(keyed, { budgets: [{ period: 'day', limit_usd: '0.000001' }] });
    const response = await post(ask(), headers, keyed);
    expectError(response, 402, 'billing_error');
    expect(response.headers['x-should-retry']).toBe('false');
  });

  test('who asks too often, in the names of the dialect', async () => {
    const { headers, secret } = await makeKey(keyed, { limits: { requests_per_minute: 1 } });
    keyed.answers = fromClaude;
    expect((await post(ask(), { 'x-api-key': secret }, keyed)).statusCode).toBe(200);
    const response = await post(ask(), headers, keyed);
    expectError(response, 429, 'rate_limit_error');
    expect(response.headers).toMatchObject({
      'retry-after': expect.stringMatching(/^[1-9]\d*$/),
      'anthropic-ratelimit-requests-limit': '1',
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': expect.stringMatching(/^20\d\d-.*T.*Z$/),
    });
    expect(Object.keys(response.headers).filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
  });

  test('while the server shuts down', async () => {
    api.drain.begun = true;
    expectError(await post(ask()), 529, 'overloaded_error');
  });
});

describe('a job that fails', () => {
  test.for([
    ['internal', 500, 'api_error'],
    ['provider_busy', 502, 'api_error'],
    ['provider_rate_limited', 429, 'rate_limit_error'],
    ['dependency_down', 529, 'overloaded_error'],
    ['deadline_exceeded', 504, 'timeout_error'],
    ['job_cancelled', 409, 'conflict_error'],
    ['job_abandoned', 404, 'not_found_error'],
  ] as [FailureCode, number, string][])('by %s is %i %s, streamed or not', async ([code, status, type]) => {
    api.answers = () => failed({ code, detail: 'What happened.' });
    expectError(await post(ask()), status, type, /^What happened\.$/);
    expectError(await post(ask({ stream: true })), status, type, /^What happened\.$/);
  });

  test('because its provider refused it is told as the provider told it', async () => {
    const refusal = { status: 400, type: 'invalid_request_error' };
    api.answers = () => failed({ code: 'provider_refused', detail: 'prompt is too long', refusal });
    expectError(await post(ask()), 400, 'invalid_request_error', /^prompt is too long$/);
  });

  test('or is not done in time is 504, and its retry gets the same job', async () => {
    const body = ask();
    const headers = { 'anthropic-version': '2023-06-01' };
    const late = await post(body, { ...headers, prefer: 'wait=0' });
    expectError(late, 504, 'timeout_error');
    const id = String(late.headers['x-job-id']);
    expect(late.headers).toMatchObject({ location: `/v1/jobs/${id}`, 'x-should-retry': 'true' });

    const isRetry = { 'x-stainless-retry-count': '1', prefer: 'wait=0' };
    const idOf = async (sent: Headers) => (await post(body, { ...isRetry, ...sent })).headers['x-job-id'];
    expect(await idOf(headers)).toBe(id);
    expect(await idOf({ ...headers, 'anthropic-beta': 'x' })).not.toBe(id);

    const retry = post({ ...body, stream: true }, { ...headers, 'x-stainless-retry-count': '2' });
    await waitFor(() => api.deps.admission.waiter.size() === 1, { what: 'the retry waits' });
    await api.hand.settle(id, answered('once'));
    expect(await readMessageStream((await retry).body)).toMatchObject({ id: `msg_${suffixOf(late)}` });
  });

  test("of another tenant's is nobody else's retry", async () => {
    const ours = await makeKey(keyed);
    const tenant = await makeTenant(keyed, { id: `acme-${randomUUID().slice(0, 8)}` });
    const theirs = await makeKey(keyed, { tenant_id: tenant });
    const body = ask();
    const isRetry = { 'x-stainless-retry-count': '1', prefer: 'wait=0' };
    const first = await post(body, { ...ours.headers, prefer: 'wait=0' }, keyed);
    const again = await post(body, { ...ours.headers, ...isRetry }, keyed);
    const foreign = await post(body, { ...theirs.headers, ...isRetry }, keyed);
    expect(again.headers['x-job-id']).toBe(first.headers['x-job-id']);
    expect(foreign.headers['x-job-id']).not.toBe(first.headers['x-job-id']);
    const found = await keyed.get(`/v1/jobs/msg_${suffixOf(first)}`, theirs.headers);
    expect(found.statusCode).toBe(404);
  });
});

describe('a stream that is read as it comes', () => {
  const started = (attempt: number) => ({ type: 'started' as const, attempt, provider: 'openai', model: 'gpt-4o' });

  /** The stream of a new job, and the job's id. */
  async function open() {
    const count = api.accepted.length;
    const stream = post(ask({ stream: true }));
    const id = await api.job(count);
    await api.hand.begin(id);
    return { stream, id };
  }

  test('tells what is in the log, and the end with the end of the job', async () => {
    const { stream, id } = await open();
    await api.hand.write(id, [started(1), { type: 'text-delta', text: 'Hi' }]);
    await api.hand.write(id, [{ type: 'text-delta', text: ' there.' }]);
    await api.hand.settle(id, answered('Hi there.'));
    const { body } = await stream;
    expect(await readMessageStream(body)).toMatchObject({
      content: [{ type: 'text', text: 'Hi there.' }],
      usage: { input_tokens: 11, output_tokens: 7 },
    });
  });

  test('ends with one error where the text begins anew, and the job goes on', async () => {
    const { stream, id } = await open();
    const retrying = { type: 'retrying' as const, attempt: 2, afterMs: 1, reason: 'provider_busy', reset: true };
    await api.hand.write(id, [started(1), { type: 'text-delta', text: 'Hi' }]);
    await api.hand.write(id, [retrying, started(2)]);
    const { body, headers } = await stream;
    expect(body.match(/^event: error$/gm)).toHaveLength(1);
    expect(JSON.parse(body.split('\ndata: ').at(-1) ?? '')).toEqual({
      type: 'error',
      error: { type: 'api_error', message: expect.stringContaining(`/v1/jobs/${id}/result`) },
      request_id: headers['request-id'],
    });
    await api.hand.settle(id, answered('Hello.'));
    expect((await api.get(`/v1/jobs/${id}/result`)).json()).toMatchObject({ content: [{ text: 'Hello.' }] });
  });

  test('of a job that fails after a word ends with the error of the job', async () => {
    const { stream, id } = await open();
    await api.hand.write(id, [started(1), { type: 'text-delta', text: 'Hi' }]);
    await api.hand.settle(id, failed({ code: 'dependency_down', detail: 'What happened.' }));
    const { body, statusCode } = await stream;
    expect(statusCode).toBe(200);
    await expect(readMessageStream(body)).rejects.toThrow('What happened.');
    expect(body).toMatch(/event: error\ndata: [^\n]*"overloaded_error"[^\n]*\n\n$/);
  });
});

test('with Prefer: respond-async it is a job, and POST /v1/jobs makes one of its body too', async () => {
  const job = await post(ask(), { prefer: 'respond-async' });
  expect(job.statusCode).toBe(202);
  const headers = { 'anthropic-beta': 'x' };
  const payload = { endpoint: '/v1/messages', body: ask() };
  const queued = await api.inject({ method: 'POST', url: '/v1/jobs', payload, headers });
  expect(queued.statusCode).toBe(202);
  expect(queued.headers).toHaveProperty('x-ratelimit-limit-requests');
  expect((await recordOf(queued.json().id)).generation.native).toMatchObject({ api: 'messages', headers });
});
