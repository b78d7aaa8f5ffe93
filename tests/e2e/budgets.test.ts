import { randomUUID } from 'node:crypto';
import { adminKey, type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { type Receiver, startReceiver } from '@llm-gateway/testkit/start-receiver';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
let receiver: Receiver;
const keyCacheMs = 1000;
beforeAll(async () => {
  receiver = await startReceiver();
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 2,
    environment: {
      AUTH_MODE: 'keys',
      ALLOW_INSECURE_WEBHOOKS: 'true',
      KEY_CACHE_MS: String(keyCacheMs),
      MAX_REQUESTS_PER_MINUTE: '100000',
      MAX_REQUESTS_PER_HOUR: '100000',
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  receiver?.close();
});

const admin = { authorization: `Bearer ${adminKey}` };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

interface Key {
  id: string;
  secret: string;
  tenant: string;
}

async function makeKey(more: object = {}): Promise<Key> {
  const tenant = `t-${randomUUID().slice(0, 8)}`;
  expect((await post(`${gateway.url}/v1/admin/tenants`, { id: tenant, name: tenant }, admin)).status).toBe(201);
  const { status, body } = await post(`${gateway.url}/v1/admin/keys`, { tenant_id: tenant, name: 'k', ...more }, admin);
  expect(status, JSON.stringify(body)).toBe(201);
  return { id: body.id, secret: body.key, tenant };
}

const ask = (api: number, { secret }: Key, body: object = {}, headers: Record<string, string> = {}) =>
  post(
    `${gateway.apis[api]?.url}/v1/generate`,
    { prompt: `say ${randomUUID()}`, model: 'gpt-4o', max_tokens: 40, ...body },
    { ...bearer(secret), ...headers },
  );

const patchKey = ({ id }: Key, changes: object) =>
  send(`${gateway.url}/v1/admin/keys/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', ...admin },
    body: JSON.stringify(changes),
  });

const budgetOf = async (key: Key) =>
  (await send(`${gateway.url}/v1/key`, { headers: bearer(key.secret) })).body.budgets[0];

test('a thousand at once over two servers cannot overspend a budget, and the bill says the same', async () => {
  const key = await makeKey({ budgets: [{ period: 'day', limit_usd: '0.05' }] });
  const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => ask(i % 2, key)));
  const answered = replies.filter(({ status }) => status === 200);
  const refused = replies.filter(({ status }) => status !== 200);
  expect(new Set(refused.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
    new Set(['402 budget_exceeded']),
  );
  expect(answered.length).toBeGreaterThan(50);
  expect(refused[0]?.headers.get('x-should-retry')).toBe('false');

  // 2.5 USD and 10 USD for a million tokens are 2,500 and 10,000 nano-dollars a token.
  const bills = await Promise.all(
    answered.map(({ headers }) => gateway.sandbox.bill({ request_id: headers.get('x-request-id') ?? '' })),
  );
  const billedNano = bills.reduce((sum, bill) => sum + 2500 * bill.prompt_tokens + 10_000 * bill.completion_tokens, 0);
  expect(bills.every(({ calls }) => calls === 1)).toBe(true);
  expect(billedNano).toBeLessThanOrEqual(50_000_000);
  const budget = await budgetOf(key);
  expect(budget).toMatchObject({ limit_usd: 0.05, reserved_usd: 0, unsettled_usd: 0 });
  expect(budget.spent_usd).toBe(Number(`${billedNano}e-9`));
  const usage = await send(`${gateway.url}/v1/usage/${key.id}`, { headers: bearer(key.secret) });
  expect(usage.body).toMatchObject({ total_requests: answered.length, total_cost_usd: budget.spent_usd });
});

test('thresholds and the first refusal are told to the tenant, once', async () => {
  const key = await makeKey({ budgets: [{ period: 'month', limit_usd: 0.004, alert_percents: [25, 60] }] });
  const path = `/budget-${key.id}`;
  const endpoint = await post(`${gateway.url}/v1/webhook-endpoints`, { url: receiver.url + path }, bearer(key.secret));
  expect(endpoint.status).toBe(201);
  let status = 200;
  for (let asked = 0; status === 200 && asked < 50; asked++) status = (await ask(asked % 2, key)).status;
  expect(status).toBe(402);
  expect((await ask(1, key)).status).toBe(402);

  const told = () =>
    receiver
      .at(path)
      .map(({ body }) => JSON.parse(body))
      .filter(({ type }) => type.startsWith('budget.'));
  await waitFor(() => told().length >= 3, { what: 'the events of the budget', timeoutMs: 15_000 });
  const events = told();
  expect(events.map(({ type, data }) => `${type} ${data.percent}`).sort()).toEqual([
    expect.stringMatching(/^budget\.exceeded [789]\d$/),
    'budget.threshold 25',
    'budget.threshold 60',
  ]);
  const exceeded = events.find(({ type }) => type === 'budget.exceeded').data;
  expect(exceeded.spent_usd + exceeded.needed_usd).toBeGreaterThan(0.004);
  expect(exceeded).toMatchObject({
    tenant_id: key.tenant,
    scope: 'key',
    id: key.id,
    period: 'month',
    limit_usd: 0.004,
  });
});

/** Resolves when a server answers so, which it has to within the time that it knows keys for. */
const seen = (api: number, key: Key, status: number) =>
  waitFor(async () => (await ask(api, key)).status === status, {
    what: `server ${api} answers ${status}`,
    timeoutMs: keyCacheMs + 1000,
  });

test('a raised budget and a revoked key are seen by the other server within the time that it knows keys for', async () => {
  const key = await makeKey({ budgets: [{ period: 'total', limit_usd: 0 }] });
  for (const api of [0, 1]) expect((await ask(api, key)).status).toBe(402);
  expect((await patchKey(key, { budgets: [{ period: 'total', limit_usd: 1 }] })).status).toBe(200);
  for (const api of [0, 1]) await seen(api, key, 200);
  expect((await send(`${gateway.url}/v1/admin/keys/${key.id}`, { method: 'DELETE', headers: admin })).status).toBe(204);
  expect((await ask(0, key)).status).toBe(401);
  await seen(1, key, 401);
});

test('tokens are reserved, and what was not used is given back', async () => {
  const key = await makeKey({ limits: { tokens_per_minute: 2000 } });
  const first = await ask(0, key, { max_tokens: 1500 });
  expect(first.status).toBe(200);
  expect(first.headers.get('x-ratelimit-limit-tokens')).toBe('2000');
  const used = first.body.total_tokens;
  // Reserved were some 1,520 tokens: without the correction there would be no room for it again.
  const second = await ask(1, key, { max_tokens: 1500 });
  expect(second.status).toBe(200);
  const third = await ask(0, key, { max_tokens: 1990 });
  expect([third.status, third.body.code]).toEqual([429, 'rate_limited']);
  expect(third.body.detail).toContain('2000 tokens per minute of this API key');
  expect(Number(second.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(2000 - used);
});

test('no more generations are under way than a key may have, and an end makes room', async () => {
  const key = await makeKey({ limits: { concurrency: 2 } });
  const slow = { model: 'sandbox/slow-1500' };
  const names = ['one', 'two'].map((name) => `${name}-of-${key.id}`);
  const running = names.map((name, api) => ask(api, key, slow, { 'x-request-id': name }));
  await Promise.all(names.map((name) => gateway.sandbox.openCall(name)));
  const refused = await ask(1, key, slow);
  expect(refused.body.detail).toContain('2 generations at once of this API key');
  expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200]);
  expect((await ask(1, key)).status).toBe(200);
});
