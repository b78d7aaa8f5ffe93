import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { streamGenerate } from '@llm-gateway/testkit/event-stream-client';
import { type Gateway, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startPrivateRedis } from '../../scripts/redis/start-private-redis.ts';
import type { PrivateServer } from '../../scripts/servers/private-server.ts';
import { cases, nameOf, openDialectStream, wholeOf } from './dialects/open-dialect-stream.ts';

let dir: string;
let redis: PrivateServer;
let gateway: Gateway;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llm-gateway-redis-away-'));
  redis = await startPrivateRedis({ dir });
  gateway = await startGateway({
    redisUrl: redis.url,
    databaseUrl: inject('databaseUrl'),
    environment: { MAX_REQUESTS_PER_MINUTE: '1000' },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await redis?.stop();
  await rm(dir, { recursive: true, force: true });
});

const ask = (prompt: string, model = 'gpt-4o') => gateway.generate({ prompt, model, user_id: 'steady' });

async function timed<T>(work: Promise<T>): Promise<T & { tookMs: number }> {
  const startedMs = performance.now();
  const result = await work;
  return { ...result, tookMs: performance.now() - startedMs };
}

const recovered = () =>
  waitFor(async () => (await ask(`after ${performance.now()}`)).status === 200, {
    what: 'requests are answered again',
  });

/** What Redis has written to its file it has again; the rest of a second is what `everysec` may lose with a machine. */
async function whenKept() {
  const written = new Redis(redis.url);
  await waitFor(async () => /aof_pending_bio_fsync:0/.test(await written.info('persistence')), {
    what: 'the AOF is synced',
  });
  written.disconnect();
}

test('with Redis stopped requests get 503 at once, and service comes back by itself', async () => {
  expect((await ask('before')).status).toBe(200);
  const slow = gateway.generate(
    { prompt: 'in flight', model: 'sandbox/slow-2000', user_id: 'steady' },
    { 'x-request-id': 'in-flight' },
  );
  await waitFor(async () => (await gateway.sandbox.calls({ request_id: 'in-flight' })).length === 1, {
    what: 'the call is made',
  });

  await redis.kill('SIGKILL');
  await waitFor(async () => (await gateway.get('/ready')).status === 503, { what: 'the loss is noticed' });
  const refused = await timed(ask('meanwhile'));
  expect(refused.status).toBe(503);
  expect(refused.body.code).toBe('dependency_down');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused.tookMs).toBeLessThan(1500);
  expect((await gateway.get('/health')).status).toBe(200);
  expect((await gateway.get('/v1/health')).body).toMatchObject({ status: 'degraded', redis_connected: false });

  redis = await startPrivateRedis({ dir, port: redis.port });
  await recovered();
  expect((await gateway.get('/v1/health')).body).toMatchObject({ status: 'healthy', redis_connected: true });
  // What was in flight when Redis went away was neither lost nor bought twice.
  expect((await slow).status).toBe(200);
  expect(await gateway.sandbox.calls({ request_id: 'in-flight' })).toHaveLength(1);
  expect([...gateway.apis, ...gateway.workers].every((running) => !running.exited())).toBe(true);
});

test('an open stream goes on where it was, and a key still knows its job', async () => {
  const key = { 'idempotency-key': 'across-a-crash' };
  const body = { prompt: 'keyed', model: 'gpt-4o', user_id: 'steady' };
  const first = await gateway.generate(body, key);
  const stream = await streamGenerate(gateway.url, {
    prompt: 'streamed',
    model: 'sandbox/drip-100+tokens-40',
    user_id: 'steady',
  });
  const frames = await stream.take(4);
  await whenKept();

  await redis.kill('SIGKILL');
  await waitFor(async () => (await gateway.get('/ready')).status === 503, { what: 'the loss is noticed' });
  redis = await startPrivateRedis({ dir, port: redis.port });
  frames.push(...(await stream.take()));
  expect(frames.map(({ id }) => id)).toEqual(frames.map((_, index) => index));
  const reset = frames.findLastIndex(({ event }) => event === 'job.retrying');
  const text = frames
    .slice(reset + 1)
    .map(({ event, data }) => (event === 'output.delta' ? data.text : ''))
    .join('');
  expect(frames.at(-1)).toMatchObject({ event: 'job.completed', data: { result: { completion: text } } });

  const again = await gateway.generate(body, key);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.body.job_id).toBe(first.body.job_id);
});

test('open streams of every dialect end as told, or go on: never in silence, and never with the words of two calls', async () => {
  const asked = await Promise.all(
    cases.map(async (each) => {
      const name = `redis-away-${nameOf(each)}`;
      const ask = { model: `${each.provider}/sandbox/drip-40+tokens-150`, prompt: name };
      const headers = { 'x-request-id': name };
      const stream = await openDialectStream(each.dialect, { ...ask, url: gateway.url, headers });
      return { ...each, name, ask, stream };
    }),
  );
  await Promise.all(asked.map(({ stream }) => stream.pieces(3)));
  await whenKept();
  await redis.kill('SIGKILL');
  await waitFor(async () => (await gateway.get('/ready')).status === 503, { what: 'the loss is noticed' });
  redis = await startPrivateRedis({ dir, port: redis.port });
  const ends = await Promise.all(
    asked.map(async (each) => {
      const { how } = await each.stream.end();
      const whole = await wholeOf(gateway.sandboxProcess.url, each);
      const text = each.stream.text();
      expect(how === 'complete' ? text === whole : whole.startsWith(text), each.name).toBe(true);
      expect((await gateway.sandbox.bill({ request_id: each.name })).calls, each.name).toBe(1);
      return how;
    }),
  );
  expect(ends).not.toContain('silent');
});

test('a Redis that hangs is told within a second or two, not waited for', async () => {
  await redis.kill('SIGSTOP');
  const refused = await timed(ask('frozen'));
  await redis.kill('SIGCONT');
  expect(refused.status).toBe(503);
  expect(refused.tookMs).toBeLessThan(3000);
  await recovered();
});

test('a full Redis refuses before it accepts, and an answer in hand waits until there is room', async () => {
  const admin = new Redis(redis.url);
  const waiting = gateway.generate(
    { prompt: 'paid for', model: 'sandbox/slow-500', user_id: 'steady' },
    { 'x-request-id': 'paid-for' },
  );
  const calls = () => gateway.sandbox.calls({ request_id: 'paid-for' });
  await waitFor(async () => (await calls()).length === 1, { what: 'the call is made' });
  await admin.config('SET', 'maxmemory', '1');
  const refused = await ask('too full');
  expect([refused.status, refused.body.code]).toEqual([503, 'dependency_down']);
  await waitFor(async () => (await calls())[0]?.state === 'ended', { what: 'the provider has answered' });
  const refusals = async () => Number(/errorstat_OOM:count=(\d+)/.exec(await admin.info('errorstats'))?.[1] ?? 0);
  const before = await refusals();
  await waitFor(async () => (await refusals()) > before + 1, { what: 'settlement is refused' });
  await admin.config('SET', 'maxmemory', '0');
  await admin.quit();

  expect((await waiting).status).toBe(200);
  expect(await calls()).toHaveLength(1);
  await recovered();
  // Redis quotes the command that it refuses, with the prompt in it.
  const logs = [...gateway.apis, ...gateway.workers].map((running) => running.output()).join('');
  expect(logs).toContain('OOM');
  expect(logs).not.toMatch(/too full|paid for/);
});
