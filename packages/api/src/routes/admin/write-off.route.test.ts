import '@llm-gateway/testkit/provided-context';
import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { periodName } from '../../budget/period.ts';
import { asOperator, makeKey } from '../../test/make-key.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
});
afterAll(() => api?.close());

const writeOff = (payload: object, headers: object = asOperator) =>
  api.inject({ method: 'POST', url: '/v1/admin/budgets/write-off', headers: { ...headers }, payload });

test('gives back what unsettled calls keep from a budget, and says how much', async () => {
  const key = await makeKey(api, { budgets: [{ period: 'day', limit_usd: 1 }] });
  const { keys } = api.deps;
  const counter = keys.spend(spendSubject.key(key.id), periodName('day', Date.now()));
  await api.redis.hset(counter, { spent: '200000000', unsettled: '750000000' });
  const own = async () => (await api.get('/v1/key', key.headers)).json().budgets[0];
  expect(await own()).toMatchObject({ unsettled_usd: 0.75, remaining_usd: 0.05 });

  const response = await writeOff({ scope: 'key', id: key.id });
  expect(response.json()).toEqual({
    scope: 'key',
    id: key.id,
    written_off_usd: { day: 0.75, month: 0, total: 0 },
  });
  expect(await own()).toMatchObject({ spent_usd: 0.2, unsettled_usd: 0, remaining_usd: 0.8 });
  expect((await writeOff({ scope: 'key', id: key.id })).json().written_off_usd.day).toBe(0);
});

test.for([
  [{ scope: 'user', id: 'ann' }, '/tenant_id'],
  [{ scope: 'gateway', id: 'x' }, '/scope'],
  [{ scope: 'tenant' }, '/id'],
] as const)('%j is refused: %s', async ([body, pointer]) => {
  const response = await writeOff(body);
  expect([response.statusCode, response.json().errors[0].pointer]).toEqual([422, pointer]);
});

test('is for the operator', async () => {
  const { headers } = await makeKey(api, { scopes: ['admin'] });
  expect((await writeOff({ scope: 'tenant', id: 'default' }, headers)).statusCode).toBe(403);
});
