import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { WebhookEvent } from '@llm-gateway/shared/webhooks/job-webhook';
import { deliveryIdOf } from '@llm-gateway/shared/webhooks/webhook-delivery';
import { expect, test } from 'vitest';
import { pricedAnswer, testRecord } from '../test-job.ts';
import { planDeliveries } from './plan-deliveries.ts';
import { testEndpoint } from './test-endpoint.ts';

const entry = (type: WebhookEvent) => ({ entryId: '1-0', jobId: 'job_1', type, atMs: 0 });
const record = (changes: Partial<JobRecord> = {}): JobRecord => ({
  ...testRecord(),
  state: 'completed',
  answer: pricedAnswer(),
  ...changes,
});
const url = 'https://job.example';

test('the job’s own address and every enabled endpoint get an end, once each, as one event', () => {
  const endpoints = [testEndpoint('whe_a'), testEndpoint('whe_b', { disabled: true }), testEndpoint('whe_c')];
  const planned = planDeliveries(entry('job.completed'), record({ webhook: { url, secret: 'whsec_x' } }), endpoints);
  expect(planned).toMatchObject([
    { url, secret: 'whsec_x', tenant: 'acme', job: 'job_1', type: 'job.completed' },
    { url: 'https://whe_a.example', endpoint: 'whe_a' },
    { url: 'https://whe_c.example', endpoint: 'whe_c' },
  ]);
  expect(planned[1]).not.toHaveProperty('secret');
  expect(new Set(planned.map(({ event }) => event)).size).toBe(1);
  expect(new Set(planned.map(deliveryIdOf)).size).toBe(3);
});

test('an entry that is read again comes to the same deliveries, another entry to others', () => {
  const plan = (entryId: string) =>
    planDeliveries({ ...entry('job.completed'), entryId }, record({ webhook: { url } }), [testEndpoint('whe_a')]);
  expect(plan('1-0')).toEqual(plan('1-0'));
  expect(plan('2-0').map(deliveryIdOf)).not.toEqual(plan('1-0').map(deliveryIdOf));
});

test('events that were not asked for are not sent; the start is sent only to those who did', () => {
  const endpoints = [
    testEndpoint('whe_a', { events: ['job.failed'] }),
    testEndpoint('whe_b', { events: ['job.started'] }),
  ];
  const own = record({ webhook: { url } });
  expect(planDeliveries(entry('job.completed'), own, endpoints).map((planned) => planned.url)).toEqual([url]);
  expect(planDeliveries(entry('job.started'), own, endpoints)).toMatchObject([{ endpoint: 'whe_b' }]);
});

test.for([
  ['completed', 'response.completed'],
  ['expired', 'response.failed'],
  ['cancelled', 'response.cancelled'],
] as const)('a background response that is %s is %s in OpenAI’s words', ([state, type]) => {
  const endpoints = [
    testEndpoint('whe_a', { events: ['response.completed', 'response.failed', 'response.cancelled'] }),
  ];
  const response = record({ endpoint: '/v1/responses', state });
  expect(planDeliveries(entry(`job.${state}`), response, endpoints)).toMatchObject([{ type }]);
  // One that somebody waits for is none of the background.
  expect(planDeliveries(entry(`job.${state}`), { ...response, graceMs: 1 }, endpoints)).toEqual([]);
  expect(planDeliveries(entry(`job.${state}`), record({ state }), endpoints)).toEqual([]);
});
