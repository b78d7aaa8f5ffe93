import { adminKey, type Gateway, post, type Reply, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
beforeAll(async () => {
  // One of those who share a call would be refused if it were counted.
  const environment = { MAX_REQUESTS_PER_MINUTE: '1', MAX_ATTEMPTS: '1' };
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 2,
    environment,
  });
});
afterAll(() => gateway?.stop());

const url = (api: number) => gateway.apis[api % gateway.apis.length]?.url ?? '';

const ask = (body: object, api: number, headers: Record<string, string> = {}): Promise<Reply> =>
  post(`${url(api)}/v1/generate`, body, headers);

async function followers(): Promise<number> {
  const pages = await Promise.all(
    gateway.apis.map((api) => send(`${api.url}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } })),
  );
  return pages
    .map(({ body }) => Number(/gateway_admissions_total\{outcome="followed"\} (\d+)/.exec(body)?.[1] ?? 0))
    .reduce((sum, count) => sum + count, 0);
}

/** Sends requests that come to share a call which is under way or waits for its turn. */
async function joining(bodies: readonly object[]): Promise<{ replies: Promise<Reply>[] }> {
  const before = await followers();
  const replies = bodies.map((body, number) => ask(body, number));
  await waitFor(async () => (await followers()) === before + bodies.length, { what: `${bodies.length} have joined` });
  return { replies };
}

const bill = async (name: string) => {
  const { calls, total_tokens } = await gateway.sandbox.bill({ request_id: name });
  return { calls, total_tokens };
};

const usage = async (user: string) => (await send(`${url(0)}/v1/usage/${user}`)).body;
const view = async (id: string) => (await send(`${url(1)}/v1/jobs/${id}`)).body;
const cancel = (id: string) => post(`${url(1)}/v1/jobs/${id}/cancel`, {});

const users = (name: string, count: number) => Array.from({ length: count }, (_, number) => `${name}-${number}`);

test('fifty equal requests at once, through two apis, are one call that is paid for once', async () => {
  // Held back until all are there: else the first answer would be in the cache before the last request came.
  const [worker] = gateway.workers;
  worker?.signal('SIGSTOP');
  const body = { prompt: 'the same for all of us', model: 'gpt-4o', user_id: 'crowd' };
  const before = await followers();
  const pending = Array.from({ length: 50 }, (_, number) => ask(body, number, { 'x-request-id': 'crowd' }));
  await waitFor(async () => (await followers()) === before + 49, { what: '49 have joined the first one' });
  for (const worker of gateway.workers) worker.signal('SIGCONT');
  const replies = await Promise.all(pending);

  expect(replies.map(({ status }) => status)).toEqual(Array(50).fill(200));
  expect(new Set(replies.map((reply) => reply.body.completion)).size).toBe(1);
  expect(new Set(replies.map((reply) => reply.headers.get('x-job-id'))).size).toBe(50);
  const costs = replies.map((reply) => Number(reply.headers.get('x-cost-usd')));
  expect(costs.filter((cost) => cost > 0)).toHaveLength(1);

  const { total_tokens, cost_usd } = replies[0]?.body ?? {};
  expect(await bill('crowd')).toEqual({ calls: 1, total_tokens });
  expect(await usage('crowd')).toMatchObject({
    total_requests: 50,
    coalesced_requests: 49,
    total_tokens,
    total_cost_usd: cost_usd,
  });
  expect(Math.max(...costs)).toBe(cost_usd);
});

test('when the one that leads is cancelled in mid-call, the others are answered by that call, and it pays for it', async () => {
  const name = 'leader-leaves';
  const body = { prompt: name, model: 'sandbox/slow-2000' };
  const led = await ask({ ...body, user_id: 'leader' }, 0, { prefer: 'respond-async', 'x-request-id': name });
  await gateway.sandbox.openCall(name);
  const others = users(name, 10);
  const { replies } = await joining(others.map((user) => ({ ...body, user_id: user })));
  expect((await cancel(led.body.id)).body).toMatchObject({ status: 'cancelled' });

  const answers = await Promise.all(replies);
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  expect(await gateway.sandbox.calls({ request_id: name })).toHaveLength(1);
  const charged = await Promise.all(others.map(async (user) => (await usage(user)).total_tokens as number));
  expect(charged).toEqual(Array(10).fill(0));
  expect(await bill(name)).toEqual({ calls: 1, total_tokens: (await usage('leader')).total_tokens });
  expect(await view(led.body.id)).toMatchObject({ status: 'cancelled', error: { code: 'job_cancelled' } });
});

test('when the one that leads is cancelled before it has begun, the next one leads the others', async () => {
  const name = 'leader-never-began';
  for (const worker of gateway.workers) worker.signal('SIGSTOP');
  const body = { prompt: name, model: 'gpt-4o' };
  const led = await ask({ ...body, user_id: `${name}-leader` }, 0, { prefer: 'respond-async', 'x-request-id': name });
  const { replies } = await joining(users(name, 5).map((user) => ({ ...body, user_id: user })));
  expect(await cancel(led.body.id)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
  for (const worker of gateway.workers) worker.signal('SIGCONT');
  const answers = await Promise.all(replies);
  expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(200));
  expect(new Set(answers.map((answer) => answer.body.completion)).size).toBe(1);
  // Nothing was called for the one that left, and one call was made for those that stayed.
  expect(await gateway.sandbox.calls({ request_id: name })).toHaveLength(0);
  const costs = answers.map(({ headers }) => Number(headers.get('x-cost-usd')));
  expect(costs.filter((cost) => cost > 0)).toHaveLength(1);
});

test('when the worker is killed in mid-call, all are answered by the call that follows', async () => {
  const name = 'worker-dies';
  const body = { prompt: name, model: 'sandbox/slow-1500' };
  const first = ask({ ...body, user_id: name }, 0, { 'x-request-id': name });
  await gateway.sandbox.openCall(name);
  const { replies } = await joining(users(name, 10).map((user) => ({ ...body, user_id: user })));
  await Promise.all(gateway.workers.splice(0).map((worker) => worker.stop('SIGKILL')));
  await gateway.startWorker();
  const answers = await Promise.all([first, ...replies]);
  expect(answers.map(({ status }) => status)).toEqual(Array(11).fill(200));
  // The first call was cut before the sandbox had written anything, and so charged nothing.
  expect(await bill(name)).toEqual({ calls: 1, total_tokens: answers[0]?.body.total_tokens });
  expect(await usage(name)).toMatchObject({ total_requests: 1, total_tokens: answers[0]?.body.total_tokens });
});

test('those who shared a call that failed for now try again, one for all, and not for ever', async () => {
  const name = 'try-again';
  const body = { prompt: name, model: 'sandbox/slow-400+status-500' };
  const first = ask({ ...body, user_id: name }, 0, { 'x-request-id': name });
  await gateway.sandbox.openCall(name);
  const { replies } = await joining(users(name, 6).map((user) => ({ ...body, user_id: user })));
  const ends = await Promise.all([first, ...replies]);
  expect(ends.map(({ status }) => status)).toEqual(Array(7).fill(502));
  // The one that led, and three that led after it; the others share the failure of the last.
  expect(await gateway.sandbox.calls({ model: body.model })).toHaveLength(4);
  expect((await usage(name)).total_requests).toBe(0);
});
