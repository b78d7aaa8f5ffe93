import { type Gateway, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: { MAX_REQUESTS_PER_MINUTE: '1000' },
  });
});
afterAll(() => gateway?.stop());

const endOf = (id: string) =>
  waitFor(
    async () => {
      const { body: job } = await gateway.get(`/v1/jobs/${id}`);
      return job.finished_at !== null && job;
    },
    { what: `${id} ends`, timeoutMs: 30_000 },
  );

const killAllWorkers = (signal: NodeJS.Signals) =>
  Promise.all(gateway.workers.splice(0).map((worker) => worker.stop(signal)));

test('a worker killed in mid-call does not lose the generation, and a waiting client gets its answer', async () => {
  const requestId = 'killed-in-mid-call';
  const waiting = gateway.generate(
    { prompt: 'survive', model: 'sandbox/slow-1500', user_id: 'patient' },
    { 'x-request-id': requestId },
  );
  await gateway.sandbox.openCall(requestId);
  await killAllWorkers('SIGKILL');
  await gateway.startWorker();
  const { status, body } = await waiting;
  expect(status).toBe(200);
  expect(await gateway.sandbox.calls({ request_id: requestId })).toHaveLength(2);
  // The first call was cut before the provider wrote anything, so one call is billed and one is counted.
  expect(await gateway.sandbox.bill({ request_id: requestId })).toMatchObject({
    calls: 1,
    total_tokens: body.total_tokens,
  });
  expect((await gateway.get('/v1/usage/patient')).body).toMatchObject({
    total_requests: 1,
    total_tokens: body.total_tokens,
  });
});

test('jobs that were running or waiting when every worker died all end, each counted once', async () => {
  const prompts = Array.from({ length: 20 }, (_, number) => `burst ${number}`);
  const accepted = await Promise.all(
    prompts.map((prompt) =>
      gateway.generate({ prompt, model: 'sandbox/slow-300', user_id: 'burst' }, { prefer: 'respond-async' }),
    ),
  );
  await killAllWorkers('SIGKILL');
  await gateway.startWorker();
  const jobs = await Promise.all(accepted.map(({ body }) => endOf(body.id)));
  expect(jobs.map((job) => job.status)).toEqual(prompts.map(() => 'completed'));
  const { body: usage } = await gateway.get('/v1/usage/burst');
  expect(usage.total_requests).toBe(20);
  expect(usage.total_tokens).toBe(jobs.reduce((sum, job) => sum + job.usage.total_tokens, 0));
});

test('a job that keeps killing its worker is failed in the end, not tried for ever', async () => {
  const requestId = 'poison';
  const { body } = await gateway.generate(
    { prompt: 'poison', model: 'sandbox/hang', user_id: 'poisoner' },
    { prefer: 'respond-async', 'x-request-id': requestId },
  );
  for (let number = 1; number <= 3; number += 1) {
    await gateway.sandbox.openCall(requestId, number);
    await killAllWorkers('SIGKILL');
    await gateway.startWorker();
  }
  const job = await endOf(body.id);
  expect(job).toMatchObject({ status: 'failed', error: { code: 'internal' } });
  expect(await gateway.sandbox.calls({ request_id: requestId })).toHaveLength(3);
});

test('a worker that was frozen past its lock lets go, and the job ends once', async () => {
  const requestId = 'frozen';
  const waiting = gateway.generate(
    { prompt: 'frozen', model: 'sandbox/slow-1000', user_id: 'frozen' },
    { 'x-request-id': requestId },
  );
  await gateway.sandbox.openCall(requestId);
  const [frozen] = gateway.workers;
  frozen?.signal('SIGSTOP');
  await gateway.startWorker();
  const { status } = await waiting;
  frozen?.signal('SIGCONT');
  expect(status).toBe(200);
  await waitFor(
    async () => (await gateway.sandbox.calls({ request_id: requestId })).every(({ state }) => state === 'ended'),
    {
      what: 'both calls have ended',
    },
  );
  expect((await gateway.get('/v1/usage/frozen')).body.total_requests).toBe(1);
});

test('a stopping worker finishes what it has in hand', async () => {
  const requestId = 'finish-first';
  const waiting = gateway.generate(
    { prompt: 'finish', model: 'sandbox/slow-1000', user_id: 'finisher' },
    { 'x-request-id': requestId },
  );
  await gateway.sandbox.openCall(requestId);
  const codes = await killAllWorkers('SIGTERM');
  expect(codes.every((code) => code === 0)).toBe(true);
  expect((await waiting).status).toBe(200);
  expect(await gateway.sandbox.calls({ request_id: requestId })).toHaveLength(1);
  await gateway.startWorker();
});

test('what it cannot finish in time it hands back, without using up an attempt', async () => {
  const requestId = 'hand-back';
  const { body } = await gateway.generate(
    { prompt: 'hand back', model: 'sandbox/slow-8000', user_id: 'finisher' },
    { prefer: 'respond-async', 'x-request-id': requestId },
  );
  await gateway.sandbox.openCall(requestId);
  const codes = await killAllWorkers('SIGTERM');
  expect(codes.every((code) => code === 0)).toBe(true);
  await gateway.startWorker();
  await gateway.sandbox.openCall(requestId, 2);
  expect((await gateway.get(`/v1/jobs/${body.id}`)).body).toMatchObject({ status: 'in_progress', attempt: 1 });
  expect(await endOf(body.id)).toMatchObject({ status: 'completed', attempt: 1 });
});
