import type { WebhookEndpoint } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import { expect, test } from 'vitest';
import { batchEntry, planBatchDeliveries } from './plan-batch-deliveries.ts';

const entry = batchEntry.parse({ type: 'batch.completed', tenant: 'acme', batch: 'batch_1', t: '1700000000123' });

const endpoint = (changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint => ({
  id: 'whe_1',
  url: 'https://example.com/hook',
  description: '',
  disabled: false,
  createdMs: 1,
  ...changes,
});

test('tells every address that wants it the id of the batch', () => {
  const [delivery, ...others] = planBatchDeliveries(entry, [endpoint()]);
  expect(others).toEqual([]);
  expect(delivery).toMatchObject({ tenant: 'acme', type: 'batch.completed', endpoint: 'whe_1' });
  expect(JSON.parse(delivery?.body ?? '')).toEqual({
    id: delivery?.event,
    object: 'event',
    type: 'batch.completed',
    created_at: 1_700_000_000,
    timestamp: '2023-11-14T22:13:20.123Z',
    data: { id: 'batch_1' },
  });
});

test('is the same event when it is told again, and another one of another batch', () => {
  const eventOf = (batch: string) => planBatchDeliveries({ ...entry, batch }, [endpoint()])[0]?.event;
  expect(eventOf('batch_1')).toBe(eventOf('batch_1'));
  expect(eventOf('batch_1')).not.toBe(eventOf('batch_2'));
});

test.for([
  [endpoint({ disabled: true }), 0],
  [endpoint({ events: ['job.completed'] }), 0],
  [endpoint({ events: ['batch.completed'] }), 1],
] as const)('%o is told %i times', ([wishes, count]) => {
  expect(planBatchDeliveries(entry, [wishes])).toHaveLength(count);
});
