import { createKeys } from '@llm-gateway/shared/redis/keys';
import { type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

let gateway: Gateway;
let redis: Redis;
beforeAll(async () => {
  redis = new Redis(inject('redisUrl'));
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 2,
    // One call at a time for each worker: what waits for its turn is seen to wait.
    environment: { MAX_REQUESTS_PER_MINUTE: '10000', MAX_REQUESTS_PER_HOUR: '10000', WORKER_CONCURRENCY: '1' },
  });
});
afterAll(async () => {
  redis?.disconnect();
  await gateway?.stop();
});

let counter = 0;
/** The api processes take turns, so that every step finds what another one wrote. */
const url = () => gateway.apis[counter++ % gateway.apis.length]?.url ?? '';

async function submit(model: string, options: object = {}, inner: object = {}) {
  const body = { prompt: `job ${counter}`, model, user_id: 'jobs', ...inner };
  const { status, body: job } = await post(`${url()}/v1/jobs`, { endpoint: '/v1/generate', body, ...options });
  expect(status).toBe(202);
  return job;
}

const look = async (id: string, headers: Record<string, string> = {}) =>
  (await send(`${url()}/v1/jobs/${id}`, { headers })).body;
const endOf = (id: string) => look(id, { prefer: 'wait=20' });
const callsOf = async (id: string) => {
  const request = await redis.hget(createKeys(gateway.keyPrefix).job(id), 'request');
  return gateway.sandbox.calls({ request_id: request ?? '' });
};
const running = (id: string) =>
  waitFor(async () => (await callsOf(id)).some(({ state }) => state === 'open'), { what: `${id} is being called for` });

/** Keeps both workers busy until it is told to let so many of them go. */
async function occupy() {
  const jobs = await Promise.all([submit('sandbox/hang'), submit('sandbox/hang')]);
  for (const { id } of jobs) await running(id);
  return (count: number = jobs.length) =>
    Promise.all(jobs.splice(0, count).map(({ id }) => post(`${url()}/v1/jobs/${id}/cancel`, {})));
}

describe('cancel', () => {
  test('a running call ends, whichever worker has it and whichever process is told; what was used is charged', async () => {
    const jobs = await Promise.all([submit('sandbox/drip-50+tokens-500'), submit('sandbox/drip-50+tokens-500')]);
    for (const { id } of jobs) {
      await waitFor(async () => (await look(id)).output_chars > 0, { what: `${id} has written something` });
      const { status, body } = await post(`${url()}/v1/jobs/${id}/cancel`, {});
      // Its worker may have ended it before the answer was read.
      expect([
        [202, 'cancelling'],
        [200, 'cancelled'],
      ]).toContainEqual([status, body.status]);
    }
    for (const { id } of jobs) {
      const job = await endOf(id);
      expect(job).toMatchObject({
        status: 'cancelled',
        usage: { source: 'estimated' },
        error: { code: 'job_cancelled' },
      });
      expect(job.cancel_requested_at).not.toBeNull();
      const [call] = await waitFor(
        async () => {
          const calls = await callsOf(id);
          return calls.every(({ state }) => state === 'ended') && calls;
        },
        { what: 'the call has ended' },
      );
      const bill = await gateway.sandbox.bill({ request_id: call?.request_id ?? '' });
      // An estimate by length, and at most what was on its way when the call was cut: near, never more than that.
      expect(Math.abs(job.usage.completion_tokens - bill.completion_tokens)).toBeLessThanOrEqual(
        5 + bill.completion_tokens / 4,
      );
      expect((await send(`${url()}/v1/jobs/${id}/result`)).status).toBe(409);
    }
  });

  test('a job that waits is gone at once, and nobody is ever called for it', async () => {
    const letGo = await occupy();
    const { id } = await submit('sandbox/tokens-5');
    const { status, body } = await post(`${url()}/v1/jobs/${id}/cancel`, {});
    expect([status, body.status, body.usage]).toEqual([200, 'cancelled', null]);
    expect((await post(`${url()}/v1/jobs/${id}/cancel`, {})).status).toBe(200);
    await letGo();
    expect((await endOf((await submit('sandbox/tokens-5')).id)).status).toBe('completed');
    expect(await callsOf(id)).toEqual([]);
  });
});

describe('the queue', () => {
  test('one user with many jobs does not keep the single job of another waiting for them', async () => {
    const letGo = await occupy();
    const many = await Promise.all(
      Array.from({ length: 100 }, (_, n) => submit('sandbox/tokens-3', {}, { prompt: `many ${n}`, user_id: 'busy' })),
    );
    const single = await submit('sandbox/tokens-3', {}, { prompt: 'single', user_id: 'seldom' });
    expect((await look(single.id)).queue_position).toBeLessThanOrEqual(2);
    await letGo();
    const { started_at } = await endOf(single.id);
    const ends = await Promise.all(many.map(({ id }) => endOf(id)));
    expect(ends.filter((job) => job.started_at < started_at).length).toBeLessThanOrEqual(4);
  });

  test('an urgent job goes before those that are not, and the patient one is served all the same', async () => {
    const letGo = await occupy();
    const order = [];
    for (const priority of [10, 5, 1]) order.push(await submit('sandbox/tokens-3', { priority }));
    // One worker takes one after the other; two would begin two at once.
    await letGo(1);
    const ends = await Promise.all(order.map(({ id }) => endOf(id)));
    await letGo();
    expect(ends.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    const [patient = '', normal = '', urgent = ''] = ends.map(({ started_at }) => started_at);
    expect([urgent <= normal, urgent <= patient, normal <= patient]).toEqual([true, true, true]);
  });

  test('a job waits for its time, and one for its word', async () => {
    const [delayed, held] = await Promise.all([
      submit('sandbox/tokens-3', { delay_s: 1 }),
      submit('sandbox/tokens-3', { hold: true }),
    ]);
    const late = await endOf(delayed.id);
    expect(late.status).toBe('completed');
    expect(Date.parse(late.started_at)).toBeGreaterThanOrEqual(Date.parse(late.delayed_until));
    expect(await look(held.id)).toMatchObject({ status: 'queued', held: true });
    expect((await post(`${url()}/v1/jobs/${held.id}/release`, {})).status).toBe(200);
    expect((await endOf(held.id)).status).toBe('completed');
  });
});

describe('deadlines', () => {
  test('a job that could not begin in time has expired unspent', async () => {
    const letGo = await occupy();
    const { id } = await submit('sandbox/tokens-3', { start_deadline_s: 1 });
    expect(await endOf(id)).toMatchObject({ status: 'expired', error: { code: 'deadline_exceeded' }, usage: null });
    await letGo();
    expect(await callsOf(id)).toEqual([]);
  });

  test('a call that is not done in time is stopped', async () => {
    const { id } = await submit('sandbox/drip-50+tokens-500', { deadline_s: 1 });
    expect(await endOf(id)).toMatchObject({ status: 'failed', error: { code: 'deadline_exceeded', status: 504 } });
    await waitFor(async () => (await callsOf(id)).every(({ state }) => state === 'ended'), { what: 'the call ends' });
  });

  test('no attempt is made that could not begin before it', async () => {
    const { id } = await submit('sandbox/status-503-retry-after-30', { deadline_s: 10 });
    expect(await endOf(id)).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'provider_busy' } });
  });
});

test('a result that is no longer kept is gone for a week, and then was never there', async () => {
  const keys = createKeys(gateway.keyPrefix);
  const { id } = await submit('sandbox/tokens-3', { result_ttl_s: 60 });
  const { finished_at, expires_at } = await endOf(id);
  expect(Date.parse(expires_at) - Date.parse(finished_at)).toBe(60_000);
  // A minute passes.
  await redis.hset(keys.job(id), 'expiresMs', Date.now() - 1);
  await redis.zadd(keys.due, Date.now() - 1, id);
  for (const path of ['', '/result', '/events']) {
    expect((await send(`${url()}/v1/jobs/${id}${path}`)).status, path).toBe(410);
  }
  await waitFor(async () => (await redis.exists(keys.job(id), keys.log(id))) === 0, { what: 'it is cleared away' });
  expect((await send(`${url()}/v1/jobs/${id}`)).status).toBe(410);
  expect(await redis.pttl(keys.gone(id))).toBeGreaterThan(6 * 86_400_000);
  // A week passes.
  await redis.del(keys.gone(id));
  expect((await send(`${url()}/v1/jobs/${id}`)).status).toBe(404);
});

test('the jobs of a user are found on any process, page by page', async () => {
  const made = [];
  for (let n = 0; n < 5; n += 1) {
    made.push((await submit('sandbox/tokens-3', { custom_id: `c${n}` }, { user_id: 'lister', prompt: `l${n}` })).id);
  }
  for (const id of made) await endOf(id);
  const found: string[] = [];
  for (let after = ''; ; ) {
    const { body } = await send(`${url()}/v1/jobs?user_id=lister&status=completed&limit=2${after}`);
    found.push(...body.data.map((job: { id: string }) => job.id));
    if (!body.has_more) break;
    after = `&after=${body.last_id}`;
  }
  expect(found).toEqual(made.toReversed());
});
