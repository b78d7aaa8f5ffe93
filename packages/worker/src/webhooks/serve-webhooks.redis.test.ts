import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { createMetrics } from '@llm-gateway/shared/observability/metrics';
import { openProducer } from '@llm-gateway/shared/queue/define-queue';
import { webhookQueue } from '@llm-gateway/shared/queue/webhook-queue';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { createWebhookDeliveries, type WebhookDeliveries } from '@llm-gateway/shared/webhooks/webhook-deliveries';
import type { NewDelivery, WebhookDelivery } from '@llm-gateway/shared/webhooks/webhook-delivery';
import { createWebhookEndpoints } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import { createWebhookSecrets } from '@llm-gateway/shared/webhooks/webhook-secrets';
import { answerWith, type Received, type Receiver, startReceiver } from '@llm-gateway/testkit/start-receiver';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, inject, onTestFinished, test } from 'vitest';
import { createInHand } from '../in-hand.ts';
import { createGuardedAgent } from './guarded-agent.ts';
import { serveWebhooks } from './serve-webhooks.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const tenant = 'acme';
const path = '/hook';

let redis: Redis;
let keys: Keys;
let receiver: Receiver;
let deliveries: WebhookDeliveries;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null });
});
beforeEach(async () => {
  keys = createKeys(`test-${randomUUID()}`);
  receiver = await startReceiver();
  const producer = openProducer(webhookQueue, { connection: redis, prefix: keys.queuePrefix });
  deliveries = createWebhookDeliveries({ redis, keys, producer });
  onTestFinished(async () => {
    receiver.close();
    await producer.queue.close();
  });
});
afterAll(() => redis.quit());

const endpoints = () => createWebhookEndpoints(redis, keys);
const secrets = () => createWebhookSecrets(redis, keys);

/** Serves the queue as a worker process does. Retries follow at once unless told otherwise. */
function serve({ retryBaseMs = 10, isInsecureAllowed = true } = {}) {
  const agent = createGuardedAgent(isInsecureAllowed);
  const draining = new AbortController();
  const metrics = createMetrics();
  const worker = serveWebhooks(
    {
      connection: redis,
      prefix: keys.queuePrefix,
      lockDurationMs: 2000,
      stalledIntervalMs: 1000,
      inHand: createInHand(),
      draining: draining.signal,
    },
    {
      deliveries,
      endpoints: endpoints(),
      secrets: secrets(),
      metrics,
      log,
      agent,
      isInsecureAllowed,
      timeoutMs: 2000,
      retryBaseMs,
    },
  );
  onTestFinished(async () => {
    await worker.close();
    await agent.destroy();
  });
  return { worker, draining, metrics };
}

const send = (changes: Partial<NewDelivery> = {}) =>
  deliveries.create({
    tenant,
    job: 'job_1',
    event: `evt_${randomUUID()}`,
    type: 'job.completed',
    url: receiver.url + path,
    body: '{"type":"job.completed"}',
    ...changes,
  });

const reaches = (id: string, isThere: (delivery: WebhookDelivery) => boolean) =>
  waitFor(
    async () => {
      const delivery = await deliveries.find(id);
      return delivery && isThere(delivery) && delivery;
    },
    { what: `${id} gets there` },
  );
const ended = (id: string) => reaches(id, ({ status }) => status !== 'pending');

const isSignedWith = (secret: string, { body, headers }: Received) => {
  new Webhook(secret).verify(body, headers as Record<string, string>);
  return true;
};

const register = (changes: { disabled?: boolean; url?: string } = {}) =>
  endpoints().add(
    tenant,
    { id: 'whe_a', url: receiver.url + path, description: '', disabled: false, createdMs: 0, ...changes },
    20,
  );

test('a delivery is signed with the tenant’s secret, and with the old one too while it is valid', async () => {
  const [old] = await secrets().valid(tenant);
  const current = await secrets().rotate(tenant);
  serve();
  const delivery = await ended(await send());
  expect(delivery).toMatchObject({ status: 'delivered', attempts: [{ status: 200, error: null }] });
  expect(delivery.nextMs).toBeUndefined();
  const [received] = receiver.received;
  expect(isSignedWith(current, received!)).toBe(true);
  expect(isSignedWith(old, received!)).toBe(true);
  const stranger = (await secrets().valid('stranger'))[0];
  expect(() => isSignedWith(stranger, received!)).toThrow('No matching signature');
});

test('an endpoint and a job with a secret of its own are signed with theirs alone', async () => {
  await register();
  const own = (await secrets().valid('elsewhere'))[0];
  serve();
  await ended(await send({ endpoint: 'whe_a' }));
  await ended(await send({ secret: own }));
  expect(isSignedWith((await secrets().valid('whe_a'))[0], receiver.received[0]!)).toBe(true);
  expect(isSignedWith(own, receiver.received[1]!)).toBe(true);
  for (const { headers } of receiver.received) expect(headers['webhook-signature']).not.toContain(' ');
});

test('what fails is sent again with the same id and bytes, until it is delivered', async () => {
  receiver.answer(path, (response, _received, number) => response.writeHead(number < 3 ? 500 : 200).end());
  const { metrics } = serve();
  const { status, attempts } = await ended(await send());
  expect([status, attempts.map((attempt) => attempt.status)]).toEqual(['delivered', [500, 500, 200]]);
  expect(new Set(receiver.received.map(({ body, headers }) => `${headers['webhook-id']} ${body}`)).size).toBe(1);
  const counted = (await metrics.webhookDeliveries.get()).values.map(({ labels, value }) => [labels.outcome, value]);
  expect(Object.fromEntries(counted)).toEqual({ retried: 2, delivered: 1 });
});

test('after the tenth failure it is given up', async () => {
  receiver.answer(path, answerWith(500));
  // The last pause is 2880 times the first.
  serve({ retryBaseMs: 0.01 });
  const { status, attempts } = await ended(await send());
  expect([status, attempts.length, receiver.received.length]).toEqual(['failed', 10, 10]);
});

test('a receiver that asks for time gets it', async () => {
  receiver.answer(path, answerWith(429, { 'retry-after': '3600' }));
  serve();
  const { nextMs } = await reaches(await send(), ({ attempts }) => attempts.length === 1);
  expect(nextMs! - Date.now()).toBeGreaterThan(3_590_000);
});

test('410 is the end of a job’s webhook', async () => {
  receiver.answer(path, answerWith(410));
  serve();
  expect(await ended(await send())).toMatchObject({ status: 'failed', attempts: [{ status: 410 }] });
});

test('410 disables an endpoint: what is on its way to it is not sent', async () => {
  await register();
  receiver.answer(path, answerWith(410));
  serve();
  expect(await ended(await send({ endpoint: 'whe_a' }))).toMatchObject({ status: 'failed' });
  expect(await endpoints().find(tenant, 'whe_a')).toMatchObject({ disabled: true });
  expect(await ended(await send({ endpoint: 'whe_a' }))).toMatchObject({
    status: 'failed',
    attempts: [{ status: null, error: 'the endpoint is disabled' }],
  });
  await endpoints().remove(tenant, 'whe_a');
  expect(await ended(await send({ endpoint: 'whe_a' }))).toMatchObject({
    attempts: [{ error: 'the endpoint has been deleted' }],
  });
  expect(receiver.received).toHaveLength(1);
});

test('an endpoint that has moved gets what was on its way at its new address', async () => {
  await register({ url: `${receiver.url}/moved` });
  serve();
  expect(await ended(await send({ endpoint: 'whe_a' }))).toMatchObject({ url: `${receiver.url}/moved` });
  expect(receiver.at('/moved')).toHaveLength(1);
});

test('an address inside is not sent to, be it on record', async () => {
  serve({ isInsecureAllowed: false });
  expect(await ended(await send({ url: 'https://127.0.0.1/hook' }))).toMatchObject({
    status: 'failed',
    attempts: [{ error: 'the URL must lead to a public address' }],
  });
});

test('a delivery that its owner sends once more goes at once, and the attempt that waited is void', async () => {
  receiver.answer(path, (response, _received, number) => response.writeHead(number === 1 ? 500 : 200).end());
  const { worker } = serve({ retryBaseMs: 60_000 });
  const id = await send();
  await reaches(id, ({ attempts }) => attempts.length === 1);
  expect(await deliveries.redeliver(id)).toBe(true);
  expect(await ended(id)).toMatchObject({
    status: 'delivered',
    round: 1,
    attempts: [{ status: 500 }, { status: 200 }],
  });

  const waiting = await waitFor(async () => (await delayed())[0], { what: 'the attempt of the first round waits' });
  const drained = new Promise<void>((resolve) => worker.once('drained', () => resolve()));
  await waiting.promote();
  await drained;
  expect(receiver.received).toHaveLength(2);
  expect(await deliveries.redeliver('dlv_gone')).toBe(false);
});

test('an attempt that a stopping process gives up is handed back and not counted', async () => {
  receiver.answer(path, () => undefined);
  const { worker, draining } = serve();
  const id = await send();
  await waitFor(() => receiver.received.length === 1, { what: 'the attempt is under way' });
  const closed = worker.close();
  draining.abort('draining');
  await closed;
  receiver.answer(path, answerWith(200));
  serve();
  expect(await ended(id)).toMatchObject({ status: 'delivered', attempts: [{ status: 200 }] });
});

async function delayed() {
  const { queue } = openProducer(webhookQueue, { connection: redis, prefix: keys.queuePrefix });
  onTestFinished(() => queue.close());
  return queue.getDelayed();
}
