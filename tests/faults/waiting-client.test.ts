import { type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    environment: { MAX_REQUESTS_PER_MINUTE: '1000', DRAIN_MS: '3000', PROVIDER_IDLE_MS: '3000', MAX_ATTEMPTS: '1' },
  });
});
afterAll(() => gateway?.stop());

const isRetry = { 'x-stainless-retry-count': '1' };

const called = (requestId: string) =>
  waitFor(async () => (await gateway.sandbox.calls({ request_id: requestId })).length > 0, {
    what: `${requestId} is called`,
  });

test('a wait that runs out answers 504 with the job, and the retry gets the same one', async () => {
  const body = { prompt: 'slow one', model: 'sandbox/slow-1200', user_id: 'waiter' };
  const first = await gateway.generate(body, { prefer: 'wait=0', 'x-request-id': 'slow-first' });
  expect(first.status).toBe(504);
  const id = first.headers.get('x-job-id');
  expect(first.body).toMatchObject({ code: 'sync_wait_exceeded', job_id: id, retryable: true });
  expect(first.headers.get('location')).toBe(`/v1/jobs/${id}`);
  expect(first.headers.get('x-should-retry')).toBe('true');
  expect(first.headers.get('retry-after-ms')).toBe('50');

  const second = await post(`${gateway.apis[1]?.url}/v1/generate`, body, isRetry);
  expect(second.status).toBe(200);
  expect(second.headers.get('x-job-id')).toBe(id);
  expect(await gateway.sandbox.calls({ request_id: 'slow-first' })).toHaveLength(1);
});

test('an api process that dies leaves the job unharmed: another one gives out the answer', async () => {
  const body = { prompt: 'my server dies', model: 'sandbox/slow-1000', user_id: 'unlucky' };
  const doomed = await gateway.startApi();
  const lost = post(`${doomed.url}/v1/generate`, body, { 'x-request-id': 'doomed' }).catch(() => 'connection lost');
  await called('doomed');
  await doomed.stop('SIGKILL');
  expect(await lost).toBe('connection lost');
  const again = await gateway.generate(body, isRetry);
  expect(again.status).toBe(200);
  expect(await gateway.sandbox.bill({ request_id: 'doomed' })).toMatchObject({
    calls: 1,
    total_tokens: again.body.total_tokens,
  });
});

test('a stopping api finishes its waiting requests and takes no new ones', async () => {
  const leaving = await gateway.startApi();
  const waiting = post(
    `${leaving.url}/v1/generate`,
    { prompt: 'nearly done', model: 'sandbox/slow-1000', user_id: 'lucky' },
    { 'x-request-id': 'nearly-done' },
  );
  await called('nearly-done');
  const stopped = leaving.stop('SIGTERM');
  await waitFor(async () => (await send(`${leaving.url}/health`).catch(() => undefined)) === undefined, {
    what: 'it stops listening',
  });
  expect((await waiting).status).toBe(200);
  expect(await stopped).toBe(0);
});

test('what does not finish within the drain time is told to come back, and finds its job', async () => {
  const body = { prompt: 'takes longer', model: 'sandbox/drip-900+tokens-8', user_id: 'lucky' };
  const leaving = await gateway.startApi();
  const waiting = post(`${leaving.url}/v1/generate`, body, { 'x-request-id': 'takes-longer' });
  await called('takes-longer');
  const stopped = leaving.stop('SIGTERM');
  const cut = await waiting;
  expect(cut.status).toBe(503);
  expect(cut.body).toMatchObject({ code: 'draining', job_id: cut.headers.get('x-job-id') });
  expect(await stopped).toBe(0);
  const again = await gateway.generate(body, isRetry);
  expect([again.status, again.headers.get('x-job-id')]).toEqual([200, cut.headers.get('x-job-id')]);
  expect(await gateway.sandbox.calls({ request_id: 'takes-longer' })).toHaveLength(1);
});

test('a provider that never answers is given up, and the request ends', async () => {
  const { status, body } = await gateway.generate({ prompt: 'hello?', model: 'sandbox/hang', user_id: 'caller' });
  expect([status, body.code]).toEqual([502, 'provider_timeout']);
});

test('requests through two api processes share one limit, and exactly that many are admitted', async () => {
  const { environment } = gateway;
  const limited = await startGateway({
    redisUrl: environment.REDIS_URL ?? '',
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    environment: { MAX_REQUESTS_PER_MINUTE: '25' },
  });
  try {
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, number) =>
        post(
          `${limited.apis[number % 2]?.url}/v1/generate`,
          { prompt: `q ${number}`, model: 'gpt-4o', user_id: 'crowd' },
          { prefer: 'respond-async' },
        ),
      ),
    );
    expect(replies.filter(({ status }) => status === 202)).toHaveLength(25);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(175);
  } finally {
    await limited.stop();
  }
});
