import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { endpointEvents } from '@llm-gateway/shared/webhooks/job-webhook';
import type { NewDelivery } from '@llm-gateway/shared/webhooks/webhook-delivery';
import { afterAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';
import { lastDelivery } from '../../webhooks/last-delivery.ts';

let api: TestApi;
const opened: TestApi[] = [];
const start = async (environment: Record<string, string> = {}) => {
  const more = { MAX_REQUESTS_PER_MINUTE: '1000', ...environment };
  const started = await startTestApi({ redisUrl: inject('redisUrl'), environment: more });
  opened.push(started);
  return started;
};
beforeEach(async () => {
  api = await start();
});
afterAll(() => Promise.all(opened.map((one) => one.close())));

const ask = (more: object = {}) => ({ prompt: `asked ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1', ...more });
const send = (method: 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
  api.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
const register = async (more: object = {}) =>
  (await send('POST', '/v1/webhook-endpoints', { url: 'https://example.com/hook', ...more })).json();

/** From now on requests are another tenant's. */
function becomeStranger() {
  api.deps.authenticator.caller = async () => ({ tenantId: 'stranger', role: 'open', scopes: ['generate', 'read'] });
}

describe('a webhook that could never be sent is refused before a job is accepted', () => {
  test.for([
    ['webhook', { webhook: 'https://127.0.0.1/' }, {}, '/webhook', 'must lead to a public address'],
    ['webhook.url', { webhook: { url: 'http://example.com/' } }, {}, '/webhook', 'must be an https URL'],
    ['gateway.webhook', { gateway: { webhook: 'https://localhost/' } }, {}, '/gateway/webhook', 'must lead to'],
    ['webhook with a secret', { webhook: 'https://a:b@example.com/' }, {}, '/webhook', 'must carry no user name'],
    ['the header', {}, { 'x-gateway-webhook': 'https://[::1]/' }, 'x-gateway-webhook', 'must lead to'],
    ['a header that is no URL', {}, { 'x-gateway-webhook': 'example' }, 'x-gateway-webhook', 'must be a URL'],
    [
      'the header, which wins over the body',
      { gateway: { webhook: 'https://example.com/' } },
      { 'x-gateway-webhook': 'http://example.com/' },
      'x-gateway-webhook',
      'must be an https URL',
    ],
  ] as const)('%s', async ([, body, headers, field, rule]) => {
    const before = await api.traces('u1');
    const response = await api.generate(ask(body), headers);
    expect(response.statusCode).toBe(field.startsWith('/') ? 422 : 400);
    expect(response.json()).toMatchObject({
      error: { type: 'invalid_request_error' },
      errors: [{ pointer: field, detail: expect.stringContaining(rule) }],
    });
    expect(await api.traces('u1')).toEqual(before);
  });

  test.for(['whsec_short', `whsec_${'A'.repeat(33)}`, `whsec_${'*'.repeat(32)}`, 'A'.repeat(32)])(
    'the secret %s, which could not sign',
    async (secret) => {
      const response = await api.generate(ask({ webhook: { url: 'https://example.com/', secret } }));
      expect(response.statusCode).toBe(422);
    },
  );

  test('unless the operator allows it', async () => {
    const lax = await start({ ALLOW_INSECURE_WEBHOOKS: 'true' });
    lax.answers = () => answered('x');
    expect((await lax.generate(ask({ webhook: 'http://127.0.0.1:3000/' }))).statusCode).toBe(200);
  });
});

describe('a webhook that can be sent', () => {
  test('is told of in the outbox when the job ends', async () => {
    api.answers = () => answered('x');
    const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
    const response = await api.generate(ask({ webhook: { url: 'https://example.com/hook', secret } }));
    expect(response.statusCode).toBe(200);
    const entries = await api.redis.xrange(api.deps.keys.webhookOutbox, '-', '+');
    expect(entries.map(([, fields]) => fields.slice(0, 4))).toEqual([
      ['job', response.json().job_id, 'type', 'job.completed'],
    ]);
  });
});

test('a webhook is told of an answer from the cache too', async () => {
  api.answers = () => answered('x');
  const body = ask();
  await api.generate(body);
  const response = await api.generate({ ...body, webhook: 'https://example.com/hook' });
  expect(response.json()).toMatchObject({ cached: true });
  const entries = await api.redis.xrange(api.deps.keys.webhookOutbox, '-', '+');
  expect(entries.map(([, fields]) => fields[1])).toEqual([response.headers['x-job-id']]);
});

describe('/v1/webhook-endpoints', () => {
  test('201 with its secret, which is not shown again', async () => {
    const response = await send('POST', '/v1/webhook-endpoints', {
      url: 'https://example.com/hook',
      events: ['job.failed'],
      description: null,
    });
    expect(response.statusCode).toBe(201);
    const { secret, ...endpoint } = response.json();
    expect(response.headers.location).toBe(`/v1/webhook-endpoints/${endpoint.id}`);
    expect(secret).toMatch(/^whsec_/);
    expect(endpoint).toEqual({
      id: expect.stringMatching(/^whe_/),
      object: 'webhook_endpoint',
      url: 'https://example.com/hook',
      events: ['job.failed'],
      include: [],
      description: '',
      disabled: false,
      created_at: expect.any(String),
    });
    expect((await api.get(`/v1/webhook-endpoints/${endpoint.id}`)).json()).toEqual(endpoint);
    const list = await api.get('/v1/webhook-endpoints');
    expect(list.json()).toEqual({ object: 'list', data: [endpoint], has_more: false });
  });

  test.for([
    ['POST', { url: 'https://10.0.0.1/' }, '/url'],
    ['PATCH', { url: 'http://example.com/' }, '/url'],
    ['POST', {}, '/url'],
    ['POST', { url: 'https://example.com/', events: ['job.unheard-of'] }, '/events/0'],
    ['PATCH', { events: [] }, '/events'],
    ['POST', { url: 'https://example.com/', events: Array(endpointEvents.length + 1).fill('job.failed') }, '/events'],
    ['PATCH', { include: ['result', 'result'] }, '/include'],
  ] as const)('%s %j is refused: %s', async ([method, body, field]) => {
    const { id } = await register();
    const url = method === 'POST' ? '/v1/webhook-endpoints' : `/v1/webhook-endpoints/${id}`;
    const response = await send(method, url, body);
    expect(response.statusCode).toBe(422);
    expect(response.json().errors[0].pointer).toBe(field);
    expect((await api.get('/v1/webhook-endpoints')).json().data).toHaveLength(1);
  });

  test('PATCH changes what it names and nothing else', async () => {
    const { id, secret: _secret, ...before } = await register({ description: 'first' });
    const changed = await send('PATCH', `/v1/webhook-endpoints/${id}`, { disabled: true, events: ['job.started'] });
    expect(changed.json()).toEqual({ id, ...before, disabled: true, events: ['job.started'] });
  });

  test('DELETE takes it and its secrets away', async () => {
    const { id } = await register();
    expect((await send('DELETE', `/v1/webhook-endpoints/${id}`)).statusCode).toBe(204);
    expect((await api.get(`/v1/webhook-endpoints/${id}`)).statusCode).toBe(404);
    expect(await api.redis.exists(api.deps.keys.webhookSecret(id))).toBe(0);
    // Else every job of the tenant would be told of in vain.
    expect(await api.redis.exists(api.deps.keys.webhookEndpoints('default'))).toBe(0);
  });

  test('there is an end to their number, however many come at once', async () => {
    const requests = Array.from({ length: 50 }, () =>
      send('POST', '/v1/webhook-endpoints', { url: 'https://example.com/' }),
    );
    const statuses = (await Promise.all(requests)).map(({ statusCode }) => statusCode);
    expect(statuses.filter((status) => status === 201)).toHaveLength(20);
    expect(statuses.filter((status) => status === 409)).toHaveLength(30);
    expect((await api.get('/v1/webhook-endpoints')).json().data).toHaveLength(20);
    expect(await api.redis.keys(api.deps.keys.webhookSecret('*'))).toHaveLength(20);
  });

  test('rotate-secret shows the new one, and the old one signs on', async () => {
    const { id, secret: old } = await register();
    const { secret } = (await send('POST', `/v1/webhook-endpoints/${id}/rotate-secret`)).json();
    expect(secret).not.toBe(old);
    expect(await api.deps.webhooks.secrets.valid(id)).toEqual([secret, old]);
  });

  test('test sends an event on its way', async () => {
    const { id } = await register();
    const response = await send('POST', `/v1/webhook-endpoints/${id}/test`);
    expect(response.statusCode).toBe(202);
    const delivery = response.json();
    expect(delivery).toMatchObject({
      object: 'webhook_delivery',
      type: 'webhook.test',
      status: 'pending',
      endpoint_id: id,
      job_id: null,
      attempts: [],
    });
    expect((await api.get(`/v1/webhook-endpoints/${id}/deliveries`)).json().data).toEqual([delivery]);
    expect(await api.deps.webhooks.queue.getJobCountByTypes('waiting')).toBe(1);
    const kept = await api.deps.webhooks.deliveries.find(delivery.id);
    expect(JSON.parse(kept?.body ?? '')).toMatchObject({
      id: delivery.event_id,
      type: 'webhook.test',
      object: 'event',
    });
  });

  test('another tenant’s is as good as none', async () => {
    const { id } = await register();
    becomeStranger();
    const url = `/v1/webhook-endpoints/${id}`;
    const responses = await Promise.all([
      api.get(url),
      api.get(`${url}/deliveries`),
      send('PATCH', url, { disabled: true }),
      send('DELETE', url),
      send('POST', `${url}/rotate-secret`),
      send('POST', `${url}/test`),
    ]);
    expect(responses.map(({ statusCode }) => statusCode)).toEqual(responses.map(() => 404));
    expect((await api.get('/v1/webhook-endpoints')).json().data).toEqual([]);
    expect(await api.deps.webhooks.endpoints.find('default', id)).toMatchObject({ disabled: false });
  });
});

test('where there is nothing to say, a JSON content type with an empty body says it', async () => {
  const { id } = await register();
  for (const path of [
    `/v1/webhook-endpoints/${id}/rotate-secret`,
    `/v1/webhook-endpoints/${id}/test`,
    '/v1/webhooks/secret/rotate',
  ]) {
    const response = await api.inject({
      method: 'POST',
      url: path,
      headers: { 'content-type': 'application/json' },
      payload: '',
    });
    expect(response.statusCode, path).toBeLessThan(300);
  }
});

describe('/v1/webhooks/secret', () => {
  test('is the same each time until it is replaced, and another tenant has another one', async () => {
    const get = async () => (await api.get('/v1/webhooks/secret')).json().secret;
    const first = await get();
    expect(first).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(await get()).toBe(first);
    const { secret } = (await send('POST', '/v1/webhooks/secret/rotate')).json();
    expect(secret).not.toBe(first);
    expect(await get()).toBe(secret);
    expect((await api.get('/v1/webhooks/secret')).headers['cache-control']).toBe('no-store');
    becomeStranger();
    expect(await get()).not.toBe(secret);
  });
});

describe('/v1/jobs/{id}/webhook-deliveries', () => {
  const job = async () => {
    api.answers = () => answered('x');
    return (await api.generate(ask())).json().job_id as string;
  };
  const deliver = (jobId: string, more: Partial<NewDelivery> = {}) =>
    api.deps.webhooks.deliveries.create({
      tenant: 'default',
      job: jobId,
      event: `evt_${randomUUID()}`,
      type: 'job.completed',
      url: 'https://example.com/hook',
      body: '{}',
      ...more,
    });
  const attempt = async (id: string, status: number) => {
    const { deliveries } = api.deps.webhooks;
    const before = await deliveries.find(id);
    if (!before) throw new Error(`there is no ${id}`);
    const made = { atMs: Date.UTC(2026, 10, 24), status, latencyMs: 5, error: status === 200 ? null : 'answered' };
    await deliveries.record(id, before, made, { status: status === 200 ? 'delivered' : 'failed' });
  };

  test('lists what became of each, and its secret stays with us', async () => {
    const jobId = await job();
    expect((await api.get(`/v1/jobs/${jobId}/webhook-deliveries`)).json().data).toEqual([]);
    const id = await deliver(jobId, { secret: 'whsec_hidden' });
    await attempt(id, 500);
    const response = await api.get(`/v1/jobs/${jobId}/webhook-deliveries`);
    expect(response.body).not.toContain('whsec_hidden');
    expect(response.json().data).toMatchObject([
      {
        id,
        job_id: jobId,
        endpoint_id: null,
        status: 'failed',
        next_attempt_at: null,
        attempts: [{ at: '2026-11-24T00:00:00.000Z', status: 500, latency_ms: 5, error: 'answered' }],
      },
    ]);
  });

  test('redeliver answers 202 and sends it on its way again', async () => {
    const jobId = await job();
    const id = await deliver(jobId);
    await attempt(id, 500);
    const response = await send('POST', `/v1/jobs/${jobId}/webhook-deliveries/${id}/redeliver`);
    expect(response.statusCode).toBe(202);
    expect(response.json()).toMatchObject({ id, status: 'pending', attempts: [{ status: 500 }] });
    expect(await api.deps.webhooks.queue.getJobCountByTypes('waiting')).toBe(2);
  });

  test('another job’s delivery, and another tenant’s job, are as good as none', async () => {
    const [mine, other] = [await job(), await job()];
    const id = await deliver(other);
    const redeliver = (jobId: string) => send('POST', `/v1/jobs/${jobId}/webhook-deliveries/${id}/redeliver`);
    expect((await redeliver(mine)).statusCode).toBe(404);
    becomeStranger();
    expect((await redeliver(other)).statusCode).toBe(404);
    expect((await api.get(`/v1/jobs/${other}/webhook-deliveries`)).statusCode).toBe(404);
  });

  test('a job that is deleted leaves none, for one may carry its answer', async () => {
    const jobId = await job();
    const id = await deliver(jobId);
    expect((await send('DELETE', `/v1/jobs/${jobId}`)).statusCode).toBeLessThan(300);
    expect(await api.deps.webhooks.deliveries.find(id)).toBeUndefined();
    expect(await api.redis.exists(api.deps.keys.webhookDeliveries(jobId))).toBe(0);
  });

  test('the last one is known to the job’s view', async () => {
    const jobId = await job();
    const look = () => lastDelivery(jobId, api.deps.webhooks);
    expect(await look()).toBeNull();
    const id = await deliver(jobId);
    expect(await look()).toEqual({ id, status: 'pending', at: null });
    await attempt(id, 200);
    expect(await look()).toEqual({ id, status: 'delivered', at: '2026-11-24T00:00:00.000Z' });
  });
});
