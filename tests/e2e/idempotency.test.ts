import { type Gateway, post, type Reply, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
beforeAll(async () => {
  // One that is counted twice would be refused.
  const environment = { MAX_REQUESTS_PER_MINUTE: '1' };
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

/** A request under a key; its name is on the sandbox's books, in its usage and in its key. */
const ask = (name: string, model: string, api: number, more: Record<string, string> = {}): Promise<Reply> =>
  post(
    `${url(api)}/v1/generate`,
    { prompt: `do it once: ${name}`, model, user_id: name },
    { 'idempotency-key': `"${name}"`, 'x-request-id': name, ...more },
  );

/** As many at once, spread over both apis. */
const askAtOnce = (count: number, name: string, model: string) =>
  Array.from({ length: count }, (_, number) => ask(name, model, number));

async function replaceApis(): Promise<void> {
  const old = gateway.apis.splice(0);
  await Promise.all(old.map((api) => api.stop('SIGKILL')));
  await Promise.all(old.map(() => gateway.startApi()));
}

const answerOf = ({ status, body }: Reply) => {
  const { completion, job_id, request_id } = body;
  return { status, completion, job_id, request_id };
};

/** Every reply is the answer of one job, which was billed, counted and limited once. */
async function expectOnce(name: string, replies: readonly Reply[]): Promise<void> {
  const [first] = replies;
  if (!first) throw new Error('there is no reply');
  expect(first.status).toBe(200);
  for (const reply of replies) expect(answerOf(reply)).toEqual(answerOf(first));
  const { total_tokens } = first.body;
  expect(await gateway.sandbox.bill({ request_id: name })).toMatchObject({ calls: 1, total_tokens });
  expect((await send(`${url(0)}/v1/usage/${name}`)).body).toMatchObject({ total_requests: 1, total_tokens });
  expect((await send(`${url(0)}/v1/rate-limit/${name}`)).body.minute_requests).toBe(1);
}

test('a hundred equal requests at once under one key are one call, and any api replays its answer later', async () => {
  const name = 'a-hundred';
  const replies = await Promise.all(askAtOnce(100, name, 'sandbox/slow-700'));
  await expectOnce(name, replies);
  expect(await gateway.sandbox.calls({ request_id: name })).toHaveLength(1);

  await replaceApis();
  const replays = await Promise.all([0, 1].map((api) => ask(name, 'sandbox/slow-700', api)));
  for (const { headers } of replays) expect(headers.get('idempotent-replayed')).toBe('true');
  await expectOnce(name, [...replies, ...replays]);
});

test('when every api is killed in mid-call, a repeat gets the answer of that call', async () => {
  const name = 'apis-killed';
  const lost = askAtOnce(10, name, 'sandbox/slow-2500').map((reply) => reply.catch(() => 'connection lost'));
  await gateway.sandbox.openCall(name);
  await replaceApis();
  expect(new Set(await Promise.all(lost))).toEqual(new Set(['connection lost']));
  const repeats = await Promise.all(askAtOnce(10, name, 'sandbox/slow-2500'));
  await expectOnce(name, repeats);
  expect(await gateway.sandbox.calls({ request_id: name })).toHaveLength(1);
});

test('when the worker is killed in mid-call, all still get one answer', async () => {
  const name = 'worker-killed';
  const pending = askAtOnce(20, name, 'sandbox/slow-1500');
  await gateway.sandbox.openCall(name);
  await Promise.all(gateway.workers.splice(0).map((worker) => worker.stop('SIGKILL')));
  await gateway.startWorker();
  await gateway.sandbox.openCall(name, 2);
  const late = ask(name, 'sandbox/slow-1500', 1);
  // The first call was cut before the sandbox had written anything, and so charged nothing.
  await expectOnce(name, await Promise.all([...pending, late]));
});

test('a key whose job failed for good on our side is free: the repeat is a call of its own', async () => {
  const name = 'failed-once';
  const failed = await ask(name, 'sandbox/status-400', 0);
  expect(failed.status).toBe(502);
  const again = await ask(name, 'sandbox/status-400', 1);
  expect([again.status, again.body.code]).toEqual([429, 'rate_limited']);
  expect(await gateway.sandbox.calls({ request_id: name })).toHaveLength(1);
});

test('a strict repeat is refused while the first one is under way, and answered after that', async () => {
  const name = 'strict';
  const first = ask(name, 'sandbox/slow-800', 0);
  await gateway.sandbox.openCall(name);
  const strict = { prefer: 'handling=strict' };
  const refused = await ask(name, 'sandbox/slow-800', 1, strict);
  expect([refused.status, refused.body.code]).toEqual([409, 'idempotency_in_flight']);
  const reply = await first;
  await expectOnce(name, [reply, await ask(name, 'sandbox/slow-800', 1, strict)]);
});
