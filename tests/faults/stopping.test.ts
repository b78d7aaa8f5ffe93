import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gateway, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { startPrivateRedis } from '../../scripts/redis/start-private-redis.ts';
import type { PrivateServer } from '../../scripts/servers/private-server.ts';

const drainMs = 3000;
let dir: string;
let redis: PrivateServer;
let gateway: Gateway;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llm-gateway-stopping-'));
  redis = await startPrivateRedis({ dir });
  gateway = await startGateway({
    redisUrl: redis.url,
    databaseUrl: inject('databaseUrl'),
    environment: { DRAIN_MS: String(drainMs) },
  });
});
afterEach(async () => {
  await gateway?.stop();
  await redis?.stop();
  await rm(dir, { recursive: true, force: true });
});

test.for([
  ['hangs', 'SIGSTOP'],
  ['is away', 'SIGKILL'],
] as const)('a process that is told to stop while Redis %s stops in its time', async ([, signal]) => {
  const waiting = gateway.generate(
    { prompt: 'cut off', model: 'sandbox/slow-20000', user_id: 'unlucky' },
    { 'x-request-id': 'cut-off' },
  );
  await waitFor(async () => (await gateway.sandbox.calls({ request_id: 'cut-off' })).length === 1, {
    what: 'the call is made',
  });
  await redis.kill(signal);
  const startedMs = performance.now();
  const codes = await Promise.all([...gateway.apis, ...gateway.workers].map((running) => running.stop('SIGTERM')));
  const tookMs = performance.now() - startedMs;
  if (signal === 'SIGSTOP') await redis.kill('SIGCONT');
  expect(codes).toEqual([0, 0]);
  expect(tookMs).toBeLessThan(drainMs + 3000);
  expect((await waiting).status).toBe(503);
});

test('idle processes do not wait out their time because Redis is away', async () => {
  const patient = await startGateway({
    redisUrl: redis.url,
    databaseUrl: inject('databaseUrl'),
    environment: { DRAIN_MS: '30000' },
  });
  try {
    await redis.kill('SIGKILL');
    const startedMs = performance.now();
    const codes = await Promise.all([...patient.apis, ...patient.workers].map((running) => running.stop('SIGTERM')));
    expect(codes).toEqual([0, 0]);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  } finally {
    await patient.stop();
  }
});
