import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { answered, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
});
afterAll(() => api?.close());
beforeEach(() => {
  api.answers = undefined;
});

const ask = (more: object = {}) => ({ prompt: `hello ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1', ...more });

describe('200', () => {
  test('holds the nine frozen members, and what helps beside them', async () => {
    api.answers = () => answered('Attention is all you need.');
    const response = await api.generate(ask({ request_id: 'mine' }));
    expect(response.statusCode).toBe(200);
    const { latency_ms, job_id, ...rest } = response.json();
    expect(rest).toEqual({
      completion: 'Attention is all you need.',
      model: 'gpt-4o',
      total_tokens: 18,
      prompt_tokens: 11,
      completion_tokens: 7,
      cost_usd: 0.0000975,
      request_id: 'mine',
      cached: false,
      provider: 'openai',
      finish_reason: 'stop',
    });
    expect(latency_ms).toBeGreaterThan(0);
    expect(job_id).toBe(api.accepted.at(-1));
  });

  test('tells in headers which job, model and provider it was and what it cost', async () => {
    api.answers = () => answered('x');
    const { headers } = await api.generate(ask());
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-job-id': api.accepted.at(-1),
      'x-gateway-model': 'openai/gpt-4o',
      'x-gateway-provider': 'openai',
      'x-gateway-attempts': '1',
      'x-cost-usd': '0.0000975',
      'cache-status': 'gateway; fwd=miss; stored',
      'cache-control': 'no-store',
    });
    expect(headers.age).toBeUndefined();
  });

  test('makes up a request_id where the client sent none, and names the model as the client did', async () => {
    api.answers = () => answered('x');
    const body = (await api.generate(ask({ model: 'openai/gpt-4o' }))).json();
    expect(body.request_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.model).toBe('openai/gpt-4o');
  });

  test('says that a cost is missing and tokens are estimates rather than showing a zero', async () => {
    api.answers = () => answered('x', { costNanoUsd: null, usageSource: 'estimated' });
    const response = await api.generate(ask({ model: 'openai/some-new-model' }));
    expect(response.json().cost_usd).toBeNull();
    expect(response.json().warnings).toEqual([
      expect.stringContaining('No price is known'),
      expect.stringContaining('estimates'),
    ]);
    expect(response.headers['x-cost-usd']).toBeUndefined();
  });

  test('comes when the job ends, not before', async () => {
    const pending = api.generate(ask());
    const id = await api.job(api.accepted.length);
    const early = await Promise.race([pending.then(() => 'answered'), api.get('/health').then(() => 'waiting')]);
    expect(early).toBe('waiting');
    await api.hand.settle(id, answered('at last'));
    expect((await pending).json().completion).toBe('at last');
  });

  test('ignores members that it does not know, and passes none of them on', async () => {
    api.answers = () => answered('x');
    const response = await api.generate(ask({ anything: { deep: [1] }, temperatur: 5 }));
    expect(response.statusCode).toBe(200);
    const generation = await api.redis.hget(api.deps.keys.job(response.json().job_id), 'generation');
    expect(generation).not.toMatch(/anything|temperatur"/);
  });

  test('passes every parameter on in the neutral form', async () => {
    api.answers = () => answered('x');
    const schema = { type: 'object', properties: { a: { type: 'number' } } };
    const response = await api.generate({
      ...ask(),
      prompt: 'the prompt',
      temperature: 0.2,
      max_tokens: 64,
      top_p: 0.9,
      stop: 'END',
      system: 'Be brief.',
      seed: 7,
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } },
      metadata: { team: 'blue' },
    });
    const record = await api.redis.hgetall(api.deps.keys.job(response.json().job_id));
    expect(JSON.parse(record.generation ?? '')).toEqual({
      messages: [{ role: 'user', text: 'the prompt' }],
      temperature: 0.2,
      maxTokens: 64,
      topP: 0.9,
      stop: ['END'],
      system: 'Be brief.',
      seed: 7,
      responseFormat: { type: 'json_schema', name: 'a', schema, strict: true },
    });
    expect(record).toMatchObject({
      user: 'u1',
      metadata: '{"team":"blue"}',
      target: 'openai/gpt-4o',
      tenant: 'default',
    });
  });

  test('the user may be named in a header, which wins over the body', async () => {
    api.answers = () => answered('x');
    const { user_id: _, ...body } = ask();
    const byHeader = await api.generate(body, { 'x-user-id': 'from-header' });
    expect(byHeader.statusCode).toBe(200);
    const both = await api.generate(ask(), { 'x-user-id': 'from-header' });
    for (const response of [byHeader, both]) {
      expect(await api.redis.hget(api.deps.keys.job(response.json().job_id), 'user')).toBe('from-header');
    }
  });

  test('text of any script and of control characters arrives as it is', async () => {
    const text = 'naïve 漢字 🦄\u0000\n"\\';
    api.answers = () => answered(text);
    const response = await api.generate(ask({ prompt: text, user_id: 'Zoë/ü:*' }));
    expect(response.json().completion).toBe(text);
    const { generation = '' } = await api.redis.hgetall(api.deps.keys.job(response.json().job_id));
    expect(JSON.parse(generation).messages[0].text).toBe(text);
  });
});

describe('202', () => {
  test('at once for a client that prefers it', async () => {
    const response = await api.generate(ask({ metadata: { a: 'b' } }), { prefer: 'respond-async' });
    const id = api.accepted.at(-1);
    expect(response.statusCode).toBe(202);
    expect(response.headers).toMatchObject({
      location: `/v1/jobs/${id}`,
      'preference-applied': 'respond-async',
      'retry-after': '1',
      'x-job-id': id,
      'x-gateway-model': 'openai/gpt-4o',
      'x-gateway-provider': 'openai',
      'x-gateway-attempts': '0',
      'ratelimit-policy': expect.stringContaining('"minute";q='),
      'x-ratelimit-remaining-requests': expect.stringMatching(/^\d+$/),
    });
    expect(response.json()).toMatchObject({
      id,
      object: 'job',
      status: 'queued',
      endpoint: '/v1/generate',
      model: 'openai/gpt-4o',
      user_id: 'u1',
      attempt: 0,
      max_attempts: 3,
      usage: null,
      cost_usd: null,
      error: null,
      metadata: { a: 'b' },
      urls: { self: `/v1/jobs/${id}`, result: `/v1/jobs/${id}/result` },
    });
  });

  test('no more of the job than where it is found, for a client that prefers so', async () => {
    const response = await api.generate(ask(), { prefer: 'respond-async, return=minimal' });
    const id = api.accepted.at(-1);
    expect(response.statusCode).toBe(202);
    expect(response.headers).toMatchObject({
      location: `/v1/jobs/${id}`,
      'preference-applied': 'respond-async, return=minimal',
      'retry-after': '1',
    });
    expect(response.json()).toEqual({
      id,
      object: 'job',
      status: 'queued',
      urls: (await api.get(`/v1/jobs/${id}`)).json().urls,
    });
  });

  test('does not ask to come again for a job that has ended', async () => {
    const headers = { prefer: 'respond-async', 'idempotency-key': randomUUID() };
    const asked = ask();
    await api.generate(asked, headers);
    await api.hand.settle(api.accepted.at(-1) ?? '', answered('done'));
    const again = await api.generate(asked, headers);
    expect([again.statusCode, again.json().status]).toEqual([202, 'completed']);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.headers['retry-after']).toBeUndefined();
  });

  test('nobody waits for it: no waiter is registered', async () => {
    await api.generate(ask(), { prefer: 'respond-async' });
    expect(await api.redis.exists(api.deps.keys.readers(api.accepted.at(-1) ?? ''))).toBe(0);
    expect(api.deps.admission.waiter.size()).toBe(0);
  });

  test('respond-async with a wait answers 200 when the job is done in time', async () => {
    api.answers = () => answered('quick');
    const response = await api.generate(ask(), { prefer: 'respond-async, wait=20' });
    expect(response.statusCode).toBe(200);
    expect(response.json().completion).toBe('quick');
  });

  test('respond-async with a wait answers 202 when it is not', async () => {
    const response = await api.generate(ask(), { prefer: 'respond-async, wait=1' });
    expect(response.statusCode).toBe(202);
    expect(response.headers['preference-applied']).toBe('respond-async');
    expect(response.json().id).toBe(api.accepted.at(-1));
    expect(api.deps.admission.waiter.size()).toBe(0);
  });
});

describe('504', () => {
  test('sync_wait_exceeded tells where the job is, and the job goes on', async () => {
    const response = await api.generate(ask(), { prefer: 'wait=0' });
    const id = api.accepted.at(-1) ?? '';
    expect(response.statusCode).toBe(504);
    expect(response.headers).toMatchObject({
      location: `/v1/jobs/${id}`,
      'x-job-id': id,
      'retry-after': '1',
      'retry-after-ms': '50',
      'x-should-retry': 'true',
      'x-gateway-model': 'openai/gpt-4o',
      'x-gateway-provider': 'openai',
      'content-type': 'application/problem+json; charset=utf-8',
    });
    expect(response.json()).toMatchObject({
      status: 504,
      code: 'sync_wait_exceeded',
      retryable: true,
      job_id: id,
      instance: `/v1/jobs/${id}`,
      error: { type: 'timeout_error', code: 'sync_wait_exceeded', param: null },
    });
    expect(response.json().detail).toBe(`Job ${id} did not finish within 0 s and goes on.`);
    await api.hand.settle(id, answered('late'));
    expect((await api.get(`/v1/jobs/${id}/result`)).json().completion).toBe('late');
  });

  test("comes before the timeout that the client's SDK has told", async () => {
    const response = await api.generate(ask(), { 'x-stainless-timeout': '5.2' });
    expect(response.statusCode).toBe(504);
    expect(response.json().detail).toContain('within 0.2 s');
  });
});

describe('the failure of a job', () => {
  test.for([
    ['provider_refused', 502, 'false', false],
    ['provider_unreachable', 502, 'false', false],
    ['provider_rate_limited', 429, undefined, true],
    ['provider_misconfigured', 502, 'false', false],
  ] as const)('%s is answered %i', async ([code, status, shouldRetry, retryable]) => {
    api.answers = () => failed({ code, detail: 'The provider said no.', provider: 'openai' });
    const response = await api.generate(ask());
    expect(response.statusCode).toBe(status);
    expect(response.headers['x-should-retry']).toBe(shouldRetry);
    expect(response.headers).toMatchObject({
      'x-job-id': api.accepted.at(-1),
      'x-gateway-model': 'openai/gpt-4o',
      'x-gateway-attempts': '1',
    });
    expect(response.json()).toMatchObject({
      code,
      retryable,
      detail: 'The provider said no.',
      job_id: api.accepted.at(-1),
    });
  });

  test('before the first text of a stream is answered alike', async () => {
    api.answers = () => failed({ code: 'provider_refused', detail: 'The provider said no.' });
    const response = await api.generate(ask({ stream: true }));
    expect(response.statusCode).toBe(502);
    expect(response.headers).toMatchObject({ 'x-gateway-model': 'openai/gpt-4o', 'x-gateway-attempts': '1' });
  });

  test('an answer cut short is an answer', async () => {
    api.answers = () => answered('half an', { finishReason: { unified: 'length', raw: 'length' } });
    const response = await api.generate(ask({ max_tokens: 2 }));
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ completion: 'half an', finish_reason: 'length' });
  });
});

describe('503', () => {
  test('draining: a wait that a shutdown cuts short says so, and the job goes on', async () => {
    const leaving = await startTestApi({ redisUrl: inject('redisUrl') });
    const pending = leaving.generate(ask());
    const id = await leaving.job(0);
    leaving.deps.admission.waiter.drain();
    const response = await pending;
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({ code: 'draining', job_id: id });
    expect(response.headers).toMatchObject({ location: `/v1/jobs/${id}`, 'retry-after': '1' });
    expect(await leaving.redis.hget(leaving.deps.keys.job(id), 'state')).toBe('queued');
    await leaving.close();
  });
});
