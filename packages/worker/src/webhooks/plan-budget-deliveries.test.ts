import { deliveryIdOf } from '@llm-gateway/shared/webhooks/webhook-delivery';
import { expect, test } from 'vitest';
import { type BudgetEntry, budgetEntry, planBudgetDeliveries } from './plan-budget-deliveries.ts';
import { testEndpoint } from './test-endpoint.ts';

/** An entry as a script leaves it in the outbox. */
const left = (changes: Record<string, string> = {}): BudgetEntry =>
  budgetEntry.parse({
    type: 'budget.threshold',
    tenant: 'acme',
    subject: 'tenant:acme',
    period: '2026-11',
    limit: '2500000000',
    spent: '1250000001',
    percent: '50',
    t: String(Date.UTC(2026, 10, 23, 9, 46, 0, 123)),
    ...changes,
  });

test('every enabled endpoint that does not say otherwise is told, as one event', () => {
  const endpoints = [testEndpoint('whe_a'), testEndpoint('whe_b', { disabled: true }), testEndpoint('whe_c')];
  const planned = planBudgetDeliveries('1-0', left(), endpoints);
  expect(planned).toMatchObject([
    { tenant: 'acme', type: 'budget.threshold', url: 'https://whe_a.example', endpoint: 'whe_a' },
    { tenant: 'acme', type: 'budget.threshold', url: 'https://whe_c.example', endpoint: 'whe_c' },
  ]);
  expect(new Set(planned.map(({ event }) => event)).size).toBe(1);
  expect(new Set(planned.map(deliveryIdOf)).size).toBe(2);
  for (const delivery of planned) {
    expect(delivery).not.toHaveProperty('job');
    expect(delivery).not.toHaveProperty('secret');
  }
});

test('one that does say otherwise is told what it asks for', () => {
  const endpoints = [
    testEndpoint('whe_ends', { events: ['job.completed'] }),
    testEndpoint('whe_none', { events: [] }),
    testEndpoint('whe_threshold', { events: ['budget.threshold'] }),
    testEndpoint('whe_exceeded', { events: ['job.failed', 'budget.exceeded'] }),
    testEndpoint('whe_off', { events: ['budget.exceeded'], disabled: true }),
  ];
  const told = (type: string) =>
    planBudgetDeliveries('1-0', left({ type }), endpoints).map((planned) => planned.endpoint);
  expect(told('budget.threshold')).toEqual(['whe_threshold']);
  expect(told('budget.exceeded')).toEqual(['whe_exceeded']);
});

test('receivers read whose budget it is, for which period, and how much of it is spent', () => {
  const [{ body = '', event } = {}] = planBudgetDeliveries('1-0', left(), [testEndpoint('whe_a')]);
  expect(JSON.parse(body)).toEqual({
    id: event,
    object: 'event',
    type: 'budget.threshold',
    created_at: 1_795_427_160,
    timestamp: '2026-11-23T09:46:00.123Z',
    data: {
      tenant_id: 'acme',
      scope: 'tenant',
      id: 'acme',
      period: 'month',
      period_start: '2026-11-01',
      limit_usd: 2.5,
      spent_usd: 1.250000001,
      percent: 50,
    },
  });
});

test.for([
  ['user:acme:B%C3%A4r%3A%22%F0%9F%90%BB%22%00', 'user', 'Bär:"🐻"\0'],
  ['key:key_01M84AFMN7N75S4NC9P52Q6ACC', 'key', 'key_01M84AFMN7N75S4NC9P52Q6ACC'],
  ['tenant:acme', 'tenant', 'acme'],
] as const)('the budget of %s is that of a %s by its own name', ([subject, scope, id]) => {
  const [{ body = '' } = {}] = planBudgetDeliveries('1-0', left({ subject }), [testEndpoint('whe_a')]);
  expect(JSON.parse(body).data).toMatchObject({ scope, id });
});

test('an entry that is read again comes to the same deliveries, another entry to others', () => {
  const plan = (entryId: string, changes = {}) => planBudgetDeliveries(entryId, left(changes), [testEndpoint('whe_a')]);
  expect(plan('1-0')).toEqual(plan('1-0'));
  const ids = [plan('1-0'), plan('2-0'), plan('1-0', { type: 'budget.exceeded' })].flatMap((planned) =>
    planned.map(deliveryIdOf),
  );
  expect(new Set(ids).size).toBe(3);
});

test.for([
  ['subject', 'project:x'],
  ['type', 'budget.unheard-of'],
  ['spent', '1.5'],
  ['limit', ''],
] as const)('an entry of another version, whose %s is %s, is not read as one of this', ([name, value]) => {
  expect(() => left({ [name]: value })).toThrow();
});

test.for([
  ['2026-11-24', 'day', '2026-11-24'],
  ['total', 'total', null],
] as const)('and of a refusal in %s what was held and what was needed', ([name, period, period_start]) => {
  const refusal = { type: 'budget.exceeded', period: name, reserved: '200', unsettled: '0', needed: '5000000' };
  const [{ body = '' } = {}] = planBudgetDeliveries('1-0', left(refusal), [testEndpoint('whe_a')]);
  expect(JSON.parse(body).data).toMatchObject({
    period,
    period_start,
    reserved_usd: 2e-7,
    unsettled_usd: 0,
    needed_usd: 0.005,
  });
});
