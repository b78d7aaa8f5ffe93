import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { type Gateway, post, type Reply, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { answerWith, type Received, type Receiver, startReceiver } from '@llm-gateway/testkit/start-receiver';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 2,
    environment: {
      ALLOW_INSECURE_WEBHOOKS: 'true',
      WEBHOOK_RETRY_BASE_MS: '100',
      MAX_REQUESTS_PER_MINUTE: '1000',
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  receiver?.close();
});

const otherApi = () => gateway.apis[1]?.url ?? '';

/** A job that tells a path of the receiver of its end. */
async function submit(path: string, more: object = {}): Promise<string> {
  const webhook = { url: receiver.url + path, ...more };
  const body = {
    prompt: `for ${path} ${randomUUID()}`,
    model: 'sandbox/echo',
    user_id: 'hooked',
    webhook,
    metadata: { path },
  };
  const { status, body: job } = await gateway.generate(body, { prefer: 'respond-async' });
  expect(status).toBe(202);
  return job.id;
}

const arrivals = (path: string, count: number, timeoutMs = 15_000) =>
  waitFor(() => receiver.at(path).length >= count && receiver.at(path), {
    what: `${count} arrive at ${path}`,
    timeoutMs,
  });

const deliveriesOf = async (jobId: string) =>
  (await send(`${otherApi()}/v1/jobs/${jobId}/webhook-deliveries`)).body.data;

const deliveryThatIs = (jobId: string, status: string) =>
  waitFor(
    async () => {
      const [delivery] = await deliveriesOf(jobId);
      return delivery?.status === status && delivery;
    },
    { what: `the webhook of ${jobId} is ${status}` },
  );

const register = async (path: string, more: object = {}): Promise<Reply['body']> =>
  (await post(`${gateway.url}/v1/webhook-endpoints`, { url: receiver.url + path, ...more })).body;

const remove = (id: string) => send(`${gateway.url}/v1/webhook-endpoints/${id}`, { method: 'DELETE' });

// biome-ignore lint/suspicious/noExplicitAny: its shape is what the tests look at
const verified = (secret: string, { body, headers }: Received): any =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

test('the end of a job is told, signed with the tenant’s secret', async () => {
  const id = await submit('/simple');
  const [received] = await arrivals('/simple', 1);
  const { secret } = (await send(`${otherApi()}/v1/webhooks/secret`)).body;
  const event = verified(secret, received!);
  expect(event).toMatchObject({ object: 'event', type: 'job.completed' });
  expect(event.id).toBe(received?.headers['webhook-id']);
  const { body: job } = await gateway.get(`/v1/jobs/${id}`);
  expect(event.data).toEqual({
    id,
    status: 'completed',
    endpoint: '/v1/generate',
    response_id: id.replace('job_', 'resp_'),
    model: job.model,
    usage: job.usage,
    cost_usd: job.cost_usd,
    result_url: job.urls.result,
    metadata: { path: '/simple' },
  });
  expect(await deliveryThatIs(id, 'delivered')).toMatchObject({ attempts: [{ status: 200, error: null }] });
  expect(receiver.at('/simple')).toHaveLength(1);
});

test('a webhook that failed comes again with the same id and bytes, and both attempts are on record', async () => {
  receiver.answer('/flaky', (response, _received, number) => response.writeHead(number === 1 ? 500 : 200).end());
  const id = await submit('/flaky', { include: ['result'] });
  const [first, second] = await arrivals('/flaky', 2);
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(second?.body).toBe(first?.body);
  expect(JSON.parse(first?.body ?? '').data.result.text).toContain('for /flaky');
  const { attempts } = await deliveryThatIs(id, 'delivered');
  expect(attempts.map(({ status }: { status: number }) => status)).toEqual([500, 200]);
});

test('a redirect is not followed', async () => {
  receiver.answer('/moved', answerWith(302, { location: `${receiver.url}/secrets` }));
  const id = await submit('/moved');
  await arrivals('/moved', 2);
  const [delivery] = await deliveriesOf(id);
  expect(delivery.attempts[0]).toMatchObject({ status: 302, error: 'answered 302; redirects are not followed' });
  expect(receiver.at('/secrets')).toEqual([]);
});

test('an endpoint hears of what it asked for, signed with its own secret, and with the old one after a change', async () => {
  const { id, secret } = await register('/endpoint', { events: ['job.started', 'job.completed'] });
  await submit('/own');
  const told = await arrivals('/endpoint', 2);
  expect(told.map((received) => verified(secret, received).type).sort()).toEqual(['job.completed', 'job.started']);

  const rotated = (await post(`${otherApi()}/v1/webhook-endpoints/${id}/rotate-secret`, {})).body;
  expect((await post(`${otherApi()}/v1/webhook-endpoints/${id}/test`, {})).status).toBe(202);
  const [, , received] = await arrivals('/endpoint', 3);
  expect(verified(rotated.secret, received!).type).toBe('webhook.test');
  expect(verified(secret, received!)).toMatchObject({ data: { endpoint_id: id } });
  await remove(id);
});

test('410 disables an endpoint', async () => {
  receiver.answer('/gone', answerWith(410));
  const { id } = await register('/gone');
  await submit('/one-more');
  await waitFor(async () => (await gateway.get(`/v1/webhook-endpoints/${id}`)).body.disabled, { what: 'disabled' });
  const job = await submit('/and-another');
  await deliveryThatIs(job, 'delivered');
  expect(await deliveriesOf(job)).toHaveLength(1);
  expect(receiver.at('/gone')).toHaveLength(1);
  await remove(id);
});

test('a webhook that was lost on the receiver’s side is sent once more on demand', async () => {
  const id = await submit('/again');
  const { id: deliveryId } = await deliveryThatIs(id, 'delivered');
  const url = `${otherApi()}/v1/jobs/${id}/webhook-deliveries/${deliveryId}/redeliver`;
  expect((await post(url, {})).status).toBe(202);
  const [first, second] = await arrivals('/again', 2);
  expect([second?.headers['webhook-id'], second?.body]).toEqual([first?.headers['webhook-id'], first?.body]);
});

test('workers that are killed when jobs have just ended lose no webhook', async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => submit('/survives')));
  await waitFor(async () => (await gateway.get(`/v1/jobs/${ids[0]}`)).body.finished_at !== null, {
    what: 'the first job has ended',
    intervalMs: 2,
  });
  await Promise.all(gateway.workers.splice(0).map((worker) => worker.stop('SIGKILL')));
  await Promise.all([gateway.startWorker(), gateway.startWorker()]);
  const told = () => new Set(receiver.at('/survives').map(({ body }) => JSON.parse(body).data.id));
  // What the dead had in hand is taken for lost after half a minute.
  await waitFor(() => told().size === ids.length, { what: 'every job is told of', timeoutMs: 90_000 });
  const events = new Set(receiver.at('/survives').map(({ headers }) => headers['webhook-id']));
  expect(events.size).toBe(ids.length);
});
