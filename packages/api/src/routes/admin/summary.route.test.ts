import '@llm-gateway/testkit/provided-context';
import { entryOf } from '@llm-gateway/shared/ledger/test-ledger';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { type LedgerApi, startLedgerApi } from '../../test/start-ledger-api.ts';
import { adminKey, startTestApi } from '../../test/start-test-api.ts';

const admin = { authorization: `Bearer ${adminKey}` };

let api: LedgerApi;
let acmeAdmin: { authorization: string };
beforeAll(async () => {
  api = await startLedgerApi({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl'), authMode: 'keys' });
  const at = (time: string) => Date.parse(time);
  const fast = { latencyMs: 100, firstTokenMs: 10 };
  await api.addRows([
    entryOf({ tenant: 'acme', user: 'u1', generation: 'a1', ...fast }, at('2026-10-31T23:59:59Z')),
    entryOf({ tenant: 'acme', user: 'u1', generation: 'a2', ...fast }, at('2026-11-01T00:00:00Z')),
    entryOf({ tenant: 'acme', user: 'u2', generation: 'a3', key: 'key_b', ...fast }, at('2026-11-02T00:00:00Z')),
    entryOf(
      { tenant: 'acme', user: 'u2', generation: 'a4', latencyMs: 9000, costNanoUsd: '5' },
      at('2026-11-02T01:00:00Z'),
    ),
    entryOf(
      {
        tenant: 'acme',
        user: 'u2',
        generation: 'req_5',
        call: 0,
        kind: 'cached',
        usageSource: 'none',
        promptTokens: 0,
        completionTokens: 0,
        costNanoUsd: '0',
        savedNanoUsd: '97500',
        latencyMs: null,
        firstTokenMs: null,
      },
      at('2026-11-02T02:00:00Z'),
    ),
    entryOf({ tenant: 'other', user: 'u1', generation: 'o1', costNanoUsd: '1000000000' }, at('2026-11-02T00:00:00Z')),
  ]);
  await post('/v1/admin/tenants', { id: 'acme' });
  const { key } = (await post('/v1/admin/keys', { tenant_id: 'acme', scopes: ['admin'] })).json();
  acmeAdmin = { authorization: `Bearer ${key}` };
});
afterAll(() => api?.close());

const post = (url: string, payload: object) => api.inject({ method: 'POST', url, payload, headers: admin });
const summary = async (query = '', headers = admin) => {
  const response = await api.get(`/v1/admin/summary${query}`, headers);
  expect(response.statusCode).toBe(200);
  return response.json();
};

test('all tenants for the operator, one of them on request, and its own for an administrator', async () => {
  expect((await summary()).costs).toMatchObject({ total_requests: 6, total_cost_usd: 1.000292505 });
  expect((await summary('?tenant_id=other')).costs).toMatchObject({ total_requests: 1, total_cost_usd: 1 });
  expect((await summary('?tenant_id=nobody')).costs).toMatchObject({ total_requests: 0 });
  expect((await summary('', acmeAdmin)).costs).toMatchObject({ total_requests: 5, total_cost_usd: 0.000292505 });
  expect((await summary('?tenant_id=acme', acmeAdmin)).costs).toMatchObject({ total_requests: 5 });
});

test('404 for an administrator of another tenant', async () => {
  const response = await api.get('/v1/admin/summary?tenant_id=other', acmeAdmin);
  expect(response.statusCode).toBe(404);
});

test('a period of UTC days, both included', async () => {
  const found = await summary('?from=2026-11-01&to=2026-11-01', acmeAdmin);
  expect(found.period).toEqual({ from: '2026-11-01', to: '2026-11-01' });
  expect(found.costs).toMatchObject({ total_requests: 1 });
  expect((await summary('', acmeAdmin)).period).toEqual({ from: null, to: null });
});

test.for([
  [
    'day',
    [
      ['2026-10-31', 1],
      ['2026-11-01', 1],
      ['2026-11-02', 3],
    ],
  ],
  [
    'user',
    [
      ['u1', 2],
      ['u2', 3],
    ],
  ],
  [
    'key',
    [
      ['key_1', 4],
      ['key_b', 1],
    ],
  ],
  ['model', [['openai/gpt-4o', 5]]],
  ['provider', [['openai', 5]]],
] as const)('grouped by %s: days in their order, anything else the dearest first', async ([by, groups]) => {
  const found = await summary(`?group_by=${by}`, acmeAdmin);
  expect(found.groups.map(({ group, requests }: Record<string, unknown>) => [group, requests])).toEqual(groups);
});

test.for([
  ['?format=csv&group_by=user', {}],
  ['?group_by=user', { accept: 'text/csv' }],
] as const)('the groups as CSV (%s)', async ([query, headers]) => {
  const response = await api.get(`/v1/admin/summary${query}`, { ...acmeAdmin, ...headers });
  expect(response.headers['content-type']).toBe('text/csv; charset=utf-8');
  const [names, ...lines] = response.body.trim().split('\n');
  expect(names).toMatch(/^group,requests,cached_requests,/);
  expect(lines.map((line) => line.split(',').slice(0, 2))).toEqual([
    ['u1', '2'],
    ['u2', '3'],
  ]);
});

test('the groups as CSV are days unless told otherwise', async () => {
  const { body } = await api.get('/v1/admin/summary?format=csv&from=2026-11-01', acmeAdmin);
  expect(body).toMatch(/\n2026-11-01,1,.*\n2026-11-02,3,.*\n$/);
});

test('no more than the 100 dearest groups', async () => {
  await api.addRows(
    Array.from({ length: 130 }, (_, index) =>
      entryOf({ tenant: 'crowd', user: `u${index}`, generation: `c${index}`, costNanoUsd: String(index) }),
    ),
  );
  const { groups, costs } = await summary('?tenant_id=crowd&group_by=user');
  expect(groups).toHaveLength(100);
  expect([groups[0].group, groups[99].group]).toEqual(['u129', 'u30']);
  expect(costs.total_requests).toBe(130);
});

test('how long calls took, what the cache answered and what it saved', async () => {
  const found = await summary('', acmeAdmin);
  expect(found).toMatchObject({ cache_hit_rate: 0.2, saved_usd: 0.0000975, stale: false });
  expect(Math.abs(found.latency.p50_ms / 100 - 1)).toBeLessThan(0.055);
  expect(Math.abs(found.latency.p99_ms / 9000 - 1)).toBeLessThan(0.055);
  expect(Math.abs(found.first_token.p50_ms / 10 - 1)).toBeLessThan(0.055);
  expect((await summary('?tenant_id=nobody')).latency).toEqual({ p50_ms: null, p95_ms: null, p99_ms: null });
});

test('503 with Postgres away', async () => {
  const lost = await startTestApi({ redisUrl: inject('redisUrl') });
  onTestFinished(() => lost.close());
  const response = await lost.get('/v1/admin/summary', admin);
  expect(response.statusCode).toBe(503);
  expect(response.json().code).toBe('dependency_down');
});

test('jobs that are open or did not complete, and deliveries for the operator alone', async () => {
  const other = await startLedgerApi({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') });
  onTestFinished(() => other.close());
  const ask = (prompt: string) => ({ prompt, model: 'gpt-4o', user_id: 'u1' });
  for (const prompt of ['first', 'second', 'third']) {
    const response = await other.generate(ask(prompt), { prefer: 'respond-async' });
    expect(response.statusCode).toBe(202);
  }
  const [id] = other.accepted;
  await other.inject({ method: 'POST', url: `/v1/jobs/${id}/cancel` });
  const { jobs, webhooks } = (await other.get('/v1/admin/summary', admin)).json();
  expect(jobs).toEqual({ open: 2, incomplete: 0, failed: 0, cancelled: 1, expired: 0 });
  expect(webhooks).toEqual({ waiting: 0, active: 0, delayed: 0 });
  expect(await summary('', acmeAdmin)).toMatchObject({ jobs: { open: 0 }, webhooks: null });
});
