import '@llm-gateway/testkit/provided-context';
import { withdrawWorker } from '@llm-gateway/shared/lanes/announcements';
import { startTcpRelay } from '@llm-gateway/testkit/tcp-relay';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type LedgerApi, startLedgerApi } from '../../test/start-ledger-api.ts';
import { adminKey, startTestApi } from '../../test/start-test-api.ts';

let api: LedgerApi;
beforeAll(async () => {
  api = await startLedgerApi({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl'), authMode: 'keys' });
});
afterAll(() => api?.close());

test('GET / names the service', async () => {
  const response = await api.get('/');
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ message: 'LLM Gateway API', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

test('GET /health is 200 without a key and without asking Redis', async () => {
  const response = await api.get('/health');
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ status: 'healthy', service: 'llm-gateway' });
});

test('GET /v1/health tells of workers, lanes and the queue', async () => {
  const body = (await api.get('/v1/health')).json();
  expect(body).toMatchObject({
    status: 'healthy',
    redis_connected: true,
    postgres_connected: true,
    ledger: { backlog: 0, oldest_s: 0 },
    queue: { waiting: 0, active: 0, delayed: 0 },
    workers: 1,
    providers: { openai: 'sandbox', anthropic: 'sandbox', sandbox: 'sandbox' },
    warnings: [],
  });
  expect(body.uptime_s).toBeGreaterThanOrEqual(0);
});

test('GET /v1/health is degraded when rows wait for more than a minute, and /metrics tells of them too', async () => {
  const { redis, deps } = api;
  const [seconds] = await redis.time();
  await redis.xadd(deps.keys.ledger, `${Number(seconds) - 90}000-0`, 'row', '{}', 't', 1);
  await redis.xadd(deps.keys.ledger, '*', 'row', '{}', 't', 1);
  const response = await api.get('/v1/health');
  expect(response.statusCode).toBe(200);
  const { status, ledger, warnings } = response.json();
  expect(status).toBe('degraded');
  expect(ledger.backlog).toBe(2);
  expect(ledger.oldest_s).toBeGreaterThanOrEqual(90);
  expect(warnings).toEqual([expect.stringContaining('The ledger is behind')]);
  const metrics = (await api.get('/metrics', { authorization: `Bearer ${adminKey}` })).body;
  expect(metrics).toMatch(/^gateway_ledger_backlog_rows 2$/m);
  expect(metrics).toMatch(/^gateway_ledger_oldest_seconds (9\d|1\d\d)$/m);
  await redis.del(deps.keys.ledger);
});

test('with Postgres away: /v1/health is 200 and degraded, /ready 200', async () => {
  const lost = await startTestApi({ redisUrl: inject('redisUrl') });
  const response = await lost.get('/v1/health');
  expect(response.statusCode).toBe(200);
  expect(response.json()).toMatchObject({ status: 'degraded', redis_connected: true, postgres_connected: false });
  expect(response.json().warnings).toEqual([expect.stringContaining('Postgres is not reachable')]);
  expect((await lost.get('/ready')).statusCode).toBe(200);
  await lost.close();
});

test('with a Postgres that hangs: /v1/health answers all the same', async () => {
  const { hostname, port } = new URL(inject('databaseUrl'));
  const relay = await startTcpRelay({ host: hostname, port: Number(port) });
  relay.hold();
  const databaseUrl = `postgres://nobody@127.0.0.1:${relay.port}/none`;
  const stuck = await startTestApi({ redisUrl: inject('redisUrl'), databaseUrl });
  const response = await stuck.get('/v1/health');
  expect(response.json()).toMatchObject({ status: 'degraded', postgres_connected: false });
  await relay.stop();
  await stuck.close();
});

test('GET /v1/health without a worker is 200 and degraded, and says why', async () => {
  await withdrawWorker(api.redis, api.deps.keys, 'test-worker');
  const response = await waitFor(
    async () => {
      const found = await api.get('/v1/health');
      return found.json().workers === 0 && found;
    },
    { what: 'the worker is gone' },
  );
  expect(response.statusCode).toBe(200);
  expect(response.json()).toMatchObject({ status: 'degraded', redis_connected: true });
  expect(response.json().warnings).toEqual([expect.stringContaining('No worker is running')]);
});

test('with Redis away: /v1/health is 200 and degraded, /ready 503, /health 200, and requests are refused with 503', async () => {
  const lost = await startTestApi({ redisUrl: inject('redisUrl') });
  lost.redis.disconnect();
  await waitFor(() => lost.redis.status === 'end', { what: 'the connection is gone' });
  const health = await lost.get('/v1/health');
  expect(health.statusCode).toBe(200);
  expect(health.json()).toMatchObject({
    status: 'degraded',
    redis_connected: false,
    ledger: null,
    queue: null,
    workers: 0,
  });
  expect((await lost.get('/health')).statusCode).toBe(200);
  expect((await lost.get('/ready')).statusCode).toBe(503);
  const refused = await lost.generate({ prompt: 'x', model: 'gpt-4o', user_id: 'u1' });
  expect(refused.statusCode).toBe(503);
  expect(refused.json()).toMatchObject({ code: 'dependency_down', retryable: true });
  expect(refused.headers['retry-after']).toBe('1');
  const models = await lost.get('/v1/models');
  expect([models.statusCode, models.json().error.code]).toEqual([503, 'overloaded']);
  expect((await lost.get('/v1/models', { 'anthropic-version': '2023-06-01' })).statusCode).toBe(529);
  await lost.close();
});

test('GET /ready is 503 as soon as the process drains', async () => {
  expect((await api.get('/ready')).json()).toEqual({ status: 'ready' });
  api.drain.begun = true;
  const response = await api.get('/ready');
  expect(response.statusCode).toBe(503);
  expect(response.json()).toEqual({ status: 'not_ready', reason: 'shutting down' });
  api.drain.begun = false;
});
