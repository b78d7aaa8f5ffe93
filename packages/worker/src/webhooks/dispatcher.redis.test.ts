import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { NewJobFields } from '@llm-gateway/shared/jobs/job-record';
import { createLogger, events, type Logger } from '@llm-gateway/shared/observability/logger';
import { createMetrics } from '@llm-gateway/shared/observability/metrics';
import { openProducer, type Producer } from '@llm-gateway/shared/queue/define-queue';
import { type WebhookJob, webhookQueue } from '@llm-gateway/shared/queue/webhook-queue';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { createWebhookDeliveries, type WebhookDeliveries } from '@llm-gateway/shared/webhooks/webhook-deliveries';
import { createWebhookEndpoints, type WebhookEndpoint } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { acceptJob } from '../test-job.ts';
import { startDispatcher } from './dispatcher.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const tenant = 'acme';

let redis: Redis;
let keys: Keys;
let producer: Producer<WebhookJob>;
let deliveries: WebhookDeliveries;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(() => {
  keys = createKeys(`test-${randomUUID()}`);
  producer = openProducer(webhookQueue, { connection: redis, prefix: keys.queuePrefix });
  deliveries = createWebhookDeliveries({ redis, keys, producer });
  const { queue } = producer;
  onTestFinished(() => queue.close());
});
afterAll(() => redis.quit());

/** A dispatcher of a process; it takes for dead what has been in hand for 100 ms. */
function dispatch(changes: { deliveries?: Pick<WebhookDeliveries, 'create'>; log?: Logger } = {}) {
  const metrics = createMetrics();
  const reader = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null });
  const endpoints = createWebhookEndpoints(redis, keys);
  const options = { redis, reader, keys, endpoints, deliveries, metrics, log, claimAfterMs: 100, ...changes };
  const dispatcher = startDispatcher(options);
  onTestFinished(dispatcher.close);
  return { close: dispatcher.close, metrics };
}

const webhook = JSON.stringify({ url: 'https://job.example' });

async function endedJob(fields: Partial<NewJobFields> = { webhook }): Promise<string> {
  const id = await acceptJob(redis, keys, fields);
  await redis.hset(keys.job(id), 'state', 'completed');
  await told(id);
  return id;
}

/** What the script that ends a job leaves in the outbox. */
const told = (id: string, type = 'job.completed') =>
  redis.xadd(keys.webhookOutbox, '*', 'job', id, 'type', type, 't', Date.now());

const outboxEmpty = () =>
  waitFor(async () => (await redis.xlen(keys.webhookOutbox)) === 0, { what: 'the outbox is empty' });

const register = (id: string, url: string, { tenantId = tenant, ...changes }: { tenantId?: string } & Changes = {}) =>
  createWebhookEndpoints(redis, keys).add(
    tenantId,
    { id, url, description: '', disabled: false, createdMs: 0, ...changes },
    20,
  );

type Changes = Partial<Pick<WebhookEndpoint, 'disabled' | 'events'>>;

/** What the script that counts what a call has cost leaves in the outbox. */
const budgetTold = (changes: Record<string, string> = {}) =>
  redis.xadd(
    keys.webhookOutbox,
    '*',
    ...Object.entries({
      type: 'budget.threshold',
      tenant,
      subject: 'user:acme:ann',
      period: '2026-11',
      limit: '2500000000',
      spent: '1250000001',
      percent: '50',
      t: String(Date.now()),
      ...changes,
    }).flat(),
  );

test('what was in the outbox before is delivered to the job’s address and to every endpoint', async () => {
  await register('whe_a', 'https://a.example');
  const id = await endedJob();
  dispatch();
  await outboxEmpty();
  const listed = await deliveries.list(id, 10);
  expect(listed.map(([, { url, status }]) => [url, status]).sort()).toEqual([
    ['https://a.example', 'pending'],
    ['https://job.example', 'pending'],
  ]);
  expect(await producer.queue.getJobCountByTypes('waiting')).toBe(2);
  expect(await deliveries.list('whe_a', 10)).toHaveLength(1);
});

test('a process that dies between sending on and taking note makes another do it again, and nothing is doubled', async () => {
  await register('whe_a', 'https://a.example');
  let sentOn = 0;
  const dying = dispatch({
    deliveries: {
      async create(delivery) {
        await deliveries.create(delivery);
        sentOn += 1;
        if (sentOn >= 2) throw new Error('killed');
        return '';
      },
    },
  });
  const id = await endedJob();
  await waitFor(() => sentOn >= 2, { what: 'both deliveries are sent on' });
  await dying.close();
  expect(await redis.xlen(keys.webhookOutbox)).toBe(1);

  dispatch();
  await outboxEmpty();
  expect(await deliveries.list(id, 10)).toHaveLength(2);
  expect(await producer.queue.getJobCountByTypes('waiting')).toBe(2);
});

test('two processes share the outbox: every event is sent on once', async () => {
  dispatch();
  dispatch();
  const ids = await Promise.all(Array.from({ length: 60 }, () => endedJob()));
  await outboxEmpty();
  for (const id of ids) expect(await deliveries.list(id, 10)).toHaveLength(1);
  expect(await producer.queue.getJobCountByTypes('waiting')).toBe(60);
});

test('an event whose job is no longer kept is left out and counted', async () => {
  const { metrics } = dispatch();
  await told('job_gone');
  await outboxEmpty();
  expect((await metrics.webhookDeliveries.get()).values).toMatchObject([{ labels: { outcome: 'expired' }, value: 1 }]);
  expect(await producer.queue.getJobCountByTypes('waiting')).toBe(0);
});

test('an event that cannot be read does not hold up the others', async () => {
  dispatch();
  await told(await acceptJob(redis, keys, { webhook }), 'job.unheard-of');
  const id = await endedJob();
  await waitFor(async () => (await deliveries.list(id, 10)).length === 1, { what: 'the other one is sent on' });
  expect(await redis.xlen(keys.webhookOutbox)).toBe(1);
});

test('an event that nobody could read for a day is given up', async () => {
  await redis.xadd(keys.webhookOutbox, '1-0', 'job', 'job_1', 'type', 'job.unheard-of', 't', 1);
  dispatch();
  await outboxEmpty();
});

test('a Redis that has lost everything is served again', async () => {
  dispatch();
  await endedJob();
  await outboxEmpty();
  await redis.del(keys.webhookOutbox);
  const id = await endedJob();
  await waitFor(async () => (await deliveries.list(id, 10)).length === 1, {
    what: 'an event after the loss is sent on',
  });
});

describe('what is told of a budget', () => {
  test('goes to the tenant’s enabled endpoints that do not say otherwise, and to no job’s address', async () => {
    await register('whe_a', 'https://a.example');
    await register('whe_off', 'https://off.example', { disabled: true });
    await register('whe_ends', 'https://ends.example', { events: ['job.completed'] });
    await register('whe_other', 'https://other.example', { tenantId: 'other' });
    const job = await acceptJob(redis, keys, { webhook });
    const { metrics } = dispatch();
    await budgetTold();
    await budgetTold({ type: 'budget.exceeded', percent: '100' });
    await outboxEmpty();

    const listed = await deliveries.list('whe_a', 10);
    expect(listed.map(([, { type, url, status }]) => [type, url, status]).sort()).toEqual([
      ['budget.exceeded', 'https://a.example', 'pending'],
      ['budget.threshold', 'https://a.example', 'pending'],
    ]);
    const threshold = listed.find(([, { type }]) => type === 'budget.threshold');
    expect(JSON.parse(threshold?.[1].body ?? '')).toMatchObject({
      type: 'budget.threshold',
      data: { tenant_id: tenant, scope: 'user', id: 'ann', period: 'month', percent: 50 },
    });
    for (const owner of [job, 'whe_off', 'whe_ends', 'whe_other']) expect(await deliveries.list(owner, 10)).toEqual([]);
    expect(await producer.queue.getJobCountByTypes('waiting')).toBe(2);
    expect((await metrics.budgetEvents.get()).values).toMatchObject([
      { labels: { type: 'budget.threshold' }, value: 1 },
      { labels: { type: 'budget.exceeded' }, value: 1 },
    ]);
  });

  test('is logged and done with where nobody is to be told', async () => {
    const spied = createLogger({ service: 'test', level: 'silent' });
    const warn = vi.spyOn(spied, 'warn').mockReturnValue();
    dispatch({ log: spied });
    await budgetTold();
    await budgetTold({ type: 'budget.exceeded', percent: '100' });
    await outboxEmpty();
    expect(warn.mock.calls.map(([about]) => about)).toMatchObject([
      { event: events.budgetThreshold, tenant_id: tenant, scope: 'user', id: 'ann', percent: 50 },
      { event: events.budgetExceeded, percent: 100 },
    ]);
    expect(await producer.queue.getJobCountByTypes('waiting')).toBe(0);
  });

  test('is told once, although the process that read it first has died', async () => {
    await register('whe_a', 'https://a.example');
    const sent = Promise.withResolvers<void>();
    const dying = dispatch({
      deliveries: {
        async create(delivery) {
          await deliveries.create(delivery);
          sent.resolve();
          throw new Error('killed');
        },
      },
    });
    await budgetTold();
    await sent.promise;
    await dying.close();
    expect(await redis.xlen(keys.webhookOutbox)).toBe(1);
    dispatch();
    await outboxEmpty();
    expect(await deliveries.list('whe_a', 10)).toHaveLength(1);
    expect(await producer.queue.getJobCountByTypes('waiting')).toBe(1);
  });

  test('in words that cannot be read does not hold up the others', async () => {
    dispatch();
    await budgetTold({ subject: 'project:x' });
    await register('whe_a', 'https://a.example');
    await budgetTold();
    await waitFor(async () => (await deliveries.list('whe_a', 10)).length === 1, { what: 'the other one is sent on' });
    expect(await redis.xlen(keys.webhookOutbox)).toBe(1);
  });
});

test('closes in time although an event is in hand that cannot be sent on', async () => {
  const hanging = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  const { close } = dispatch({
    deliveries: {
      create() {
        begun.resolve();
        return hanging.promise;
      },
    },
  });
  await endedJob();
  await begun.promise;
  const beganMs = performance.now();
  await close();
  expect(performance.now() - beganMs).toBeLessThan(3000);
  hanging.resolve('');
});

test('the end of a batch is told once, however often the outbox has it', async () => {
  await register('whe_a', 'https://a.example');
  await register('whe_other', 'https://b.example', { tenantId: 'another' });
  const entry = ['type', 'batch.completed', 'tenant', tenant, 'batch', 'batch_1', 't', String(Date.now())];
  for (let time = 0; time < 2; time += 1) await redis.xadd(keys.webhookOutbox, '*', ...entry);
  dispatch();
  await outboxEmpty();
  const told = await deliveries.list('whe_a', 10);
  expect(told.map(([, { type, body }]) => [type, JSON.parse(body).data])).toEqual([
    ['batch.completed', { id: 'batch_1' }],
  ]);
  expect(await deliveries.list('whe_other', 10)).toEqual([]);
});
