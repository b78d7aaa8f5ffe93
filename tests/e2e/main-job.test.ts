import { adminKey, type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') });
});
afterAll(() => gateway?.stop());

const nineMembers = [
  'completion',
  'model',
  'total_tokens',
  'prompt_tokens',
  'completion_tokens',
  'cost_usd',
  'request_id',
  'cached',
  'latency_ms',
];

describe('the main job', () => {
  const body = { prompt: 'Explain transformers in machine learning', model: 'gpt-4o', user_id: 'reader' };

  test('a prompt is answered with the nine members, priced from what the provider counted', async () => {
    const { status, body: answer, headers } = await gateway.generate({ ...body, request_id: 'mine-1' });
    expect(status).toBe(200);
    expect(Object.keys(answer)).toEqual(expect.arrayContaining(nineMembers));
    expect(answer).toMatchObject({ model: 'gpt-4o', cached: false, request_id: 'mine-1', provider: 'openai' });
    expect(answer.completion).toMatch(/^\[sandbox\]/);
    // gpt-4o: 2.50 USD per million prompt tokens, 10.00 per million completion tokens.
    expect(answer.cost_usd).toBeCloseTo((answer.prompt_tokens * 2.5 + answer.completion_tokens * 10) / 1e6, 12);
    const bill = await gateway.sandbox.bill({ request_id: headers.get('x-request-id') ?? '' });
    expect(bill).toMatchObject({
      calls: 1,
      prompt_tokens: answer.prompt_tokens,
      completion_tokens: answer.completion_tokens,
      total_tokens: answer.total_tokens,
    });
  });

  test('the same again comes from the cache and costs nothing', async () => {
    const before = (await gateway.sandbox.bill()).calls;
    const { body: answer, headers } = await gateway.generate({ ...body, request_id: 'mine-2' });
    expect(answer).toMatchObject({ cached: true, request_id: 'mine-2' });
    expect(headers.get('x-cost-usd')).toBe('0');
    expect((await gateway.sandbox.bill()).calls).toBe(before);
    const { body: usage } = await gateway.get('/v1/usage/reader');
    expect(usage).toMatchObject({ total_requests: 2, cached_requests: 1, total_cost_usd: answer.cost_usd });
  });

  test('a Claude model goes through the Anthropic SDK', async () => {
    const { status, body: answer, headers } = await gateway.generate({ ...body, model: 'claude-sonnet-4-5' });
    expect(status).toBe(200);
    expect(answer.provider).toBe('anthropic');
    const [call] = await gateway.sandbox.calls({ request_id: headers.get('x-request-id') ?? '' });
    expect(call).toMatchObject({ path: '/v1/messages', dialect: 'anthropic', status: 200 });
  });

  test('one request id runs from the client through queue and worker to the provider', async () => {
    const requestId = 'trace-me-0001';
    const { headers } = await gateway.generate({ ...body, prompt: 'trace' }, { 'x-request-id': requestId });
    expect(headers.get('x-request-id')).toBe(requestId);
    expect(await gateway.sandbox.calls({ request_id: requestId })).toHaveLength(1);
    const seen = (logs: Record<string, unknown>[]) =>
      logs.filter((line) => line.request_id === requestId).map((line) => line.event);
    const inApi = () => seen(gateway.apis.flatMap((api) => api.logs()));
    // The answer is here before the pipe has brought what was logged of it.
    await waitFor(() => inApi().includes('response_generated'), { what: 'response_generated in the api log' });
    expect(inApi()).toEqual(['request_received', 'response_generated']);
    await waitFor(() => seen(gateway.workers.flatMap((worker) => worker.logs())).includes('cost_tracked'), {
      what: 'cost_tracked in the worker log',
    });
  });

  test('submit and poll', async () => {
    const submitted = await gateway.generate({ ...body, prompt: 'later' }, { prefer: 'respond-async' });
    expect(submitted.status).toBe(202);
    expect(submitted.body).toMatchObject({ object: 'job', user_id: 'reader', endpoint: '/v1/generate' });
    const self = submitted.headers.get('location') ?? '';
    const done = await waitFor(
      async () => {
        const { body: job } = await gateway.get(self);
        return job.status === 'completed' && job;
      },
      { what: 'the job completes' },
    );
    const result = await gateway.get(done.urls.result);
    expect(result.status).toBe(200);
    expect(result.body).toMatchObject({ cached: false, job_id: done.id, total_tokens: done.usage.total_tokens });
  });

  test('a transient failure is retried with backoff and paid for once', async () => {
    const {
      status,
      body: answer,
      headers,
    } = await gateway.generate({ ...body, model: 'sandbox/fail-twice', user_id: 'retry' });
    expect(status).toBe(200);
    expect(headers.get('x-gateway-attempts')).toBe('3');
    const query = { request_id: headers.get('x-request-id') ?? '' };
    expect((await gateway.sandbox.calls(query)).map((call) => call.status)).toEqual([500, 500, 200]);
    expect(await gateway.sandbox.bill(query)).toMatchObject({ calls: 1, total_tokens: answer.total_tokens });
  });

  test.for([
    ['sandbox/status-400', 502, 'provider_refused', 1],
    ['sandbox/status-401', 502, 'provider_misconfigured', 1],
    ['sandbox/insufficient-quota', 502, 'provider_quota_spent', 1],
    ['anthropic/sandbox/status-400', 502, 'provider_refused', 1],
    ['sandbox/status-500', 502, 'provider_busy', 3],
    ['anthropic/sandbox/overloaded', 502, 'provider_busy', 3],
    ['sandbox/truncate', 502, 'provider_bad_answer', 3],
    ['sandbox/malformed-json', 502, 'provider_bad_answer', 3],
    ['sandbox/reset', 502, 'provider_unreachable', 3],
  ] as const)('%s is told as %i %s after %i call(s)', async ([model, status, code, calls]) => {
    const reply = await gateway.generate({ ...body, model, user_id: `unlucky${model}` });
    expect([reply.status, reply.body.code]).toEqual([status, code]);
    expect(await gateway.sandbox.calls({ request_id: reply.headers.get('x-request-id') ?? '' })).toHaveLength(calls);
    const job = await gateway.get(`/v1/jobs/${reply.headers.get('x-job-id')}`);
    expect(job.body).toMatchObject({ status: 'failed', attempt: calls, error: { code } });
  });

  test('a model without a price is answered, and its cost is missing rather than zero', async () => {
    const { body: answer, headers } = await gateway.generate({
      ...body,
      model: 'openai/gpt-of-tomorrow',
      user_id: 'early',
    });
    expect(answer.cost_usd).toBeNull();
    expect(answer.warnings[0]).toMatch(/No price is known/);
    expect(headers.get('x-cost-usd')).toBeNull();
    expect((await gateway.get('/v1/usage/early')).body).toMatchObject({ total_requests: 1, unpriced_requests: 1 });
  });
});

describe('limits', () => {
  test('the eleventh distinct request within a minute is refused, and admitted when Retry-After says', async () => {
    const ask = (number: number) =>
      gateway.generate({ prompt: `question ${number}`, model: 'gpt-4o', user_id: 'eager' });
    const first = await Promise.all(Array.from({ length: 10 }, (_, number) => ask(number)));
    expect(first.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const { status, headers, body } = await ask(11);
    expect(status).toBe(429);
    expect(body).toMatchObject({ code: 'rate_limited', retryable: true });
    const retryAfterMs = Number(headers.get('retry-after-ms'));
    expect(Number(headers.get('retry-after'))).toBe(Math.ceil(retryAfterMs / 1000));
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    // The time told is that of the window itself: it shrinks with the clock and is never before the oldest leaves.
    const { body: rates } = await gateway.get('/v1/rate-limit/eager');
    expect(rates).toMatchObject({ minute_requests: 10, minute_remaining: 0 });
    expect(Math.abs(rates.minute_reset_s * 1000 - retryAfterMs)).toBeLessThan(2000);
    // What is in the cache costs no quota.
    expect((await ask(3)).body.cached).toBe(true);
    await waitFor(() => gateway.apis[0]?.logs().some((line) => line.event === 'rate_limit_exceeded'), {
      what: 'rate_limit_exceeded in the api log',
    });
  });
});

describe('bad requests', () => {
  const valid = { prompt: 'x', model: 'gpt-4o', user_id: 'careless' };
  const { user_id: _, ...anonymous } = valid;

  test.for([
    ['malformed JSON', '{"prompt": "x"', 400, 'JSON'],
    ['an empty body', '', 400, 'empty'],
    ['a wrong type', { ...valid, temperature: 'hot' }, 422, '/temperature'],
    ['a value out of range', { ...valid, temperature: 3 }, 422, '/temperature'],
    ['a missing user_id', anonymous, 422, '/user_id'],
    ['an unknown model', { ...valid, model: 'gpt-nope' }, 422, 'gpt-nope'],
    ['a prompt of 2 MB', { ...valid, prompt: 'x'.repeat(2_000_000) }, 422, '/prompt'],
    ['a blank prompt', { ...valid, prompt: '  \n ' }, 422, '/prompt'],
  ] as const)('%s is refused and named', async ([, body, status, named]) => {
    const reply = await gateway.generate(body);
    expect(reply.status).toBe(status);
    expect(reply.headers.get('content-type')).toMatch(/application\/problem\+json/);
    expect(reply.body.detail).toContain(named);
    expect(reply.body.error.message).toBe(reply.body.detail);
  });

  test('none of them was counted or called', async () => {
    expect((await gateway.get('/v1/rate-limit/careless')).body.minute_requests).toBe(0);
    expect((await gateway.get('/v1/usage/careless')).body.total_requests).toBe(0);
  });
});

describe('the operator', () => {
  test('sees the queue behind the admin key and nothing without it', async () => {
    expect((await gateway.get('/admin/queues/')).status).toBe(401);
    const page = await gateway.get('/admin/queues/', { authorization: `Bearer ${adminKey}` });
    expect(page.status).toBe(200);
    expect(page.body).toContain('<html');
    const queues = await gateway.get('/admin/queues/api/queues', { authorization: `Bearer ${adminKey}` });
    expect(queues.body.queues.map((queue: { name: string }) => queue.name).sort()).toEqual([
      'generation-anthropic',
      'generation-openai',
      'generation-sandbox',
      'webhook-delivery',
    ]);
  });

  test('reads metrics and a summary', async () => {
    const asAdmin = { authorization: `Bearer ${adminKey}` };
    expect((await gateway.get('/metrics')).status).toBe(401);
    expect((await gateway.get('/metrics', asAdmin)).body).toContain('gateway_admissions_total{outcome="accepted"}');
    const { body: summary } = await gateway.get('/v1/admin/summary', asAdmin);
    expect(summary).toMatchObject({
      rate_limits: { max_requests_per_minute: 10, max_requests_per_hour: 100 },
      retry_config: { max_attempts: 3, base_delay: 0.05 },
      providers: { openai: 'sandbox', anthropic: 'sandbox' },
      workers: 1,
    });
    const bill = await gateway.sandbox.bill();
    expect(summary.costs.prompt_tokens).toBeLessThanOrEqual(bill.prompt_tokens);
  });

  test('finds no prompt, answer or key in any log', async () => {
    const secret = 'a-very-private-prompt-4711';
    await gateway.generate({ prompt: secret, model: 'gpt-4o', user_id: 'private' });
    await gateway.generate({ prompt: secret, model: 'sandbox/status-500', user_id: 'private' });
    await post(`${gateway.url}/v1/generate`, `{"prompt":"${secret}"`, { authorization: `Bearer ${adminKey}` });
    await send(`${gateway.url}/admin/login`, { method: 'POST', body: new URLSearchParams({ key: `${adminKey}x` }) });
    const output = () => [...gateway.apis, ...gateway.workers].map((running) => running.output()).join('');
    await waitFor(() => output().includes('request_failed'), { what: 'request_failed in a log' });
    const logs = output();
    expect(logs).not.toContain(secret);
    expect(logs).not.toContain('[sandbox]');
    expect(logs).not.toContain(adminKey);
  });
});
