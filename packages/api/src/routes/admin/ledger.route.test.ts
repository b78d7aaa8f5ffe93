import '@llm-gateway/testkit/provided-context';
import type { AddressInfo } from 'node:net';
import { entryOf } from '@llm-gateway/shared/ledger/test-ledger';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { type LedgerApi, startLedgerApi } from '../../test/start-ledger-api.ts';
import { adminKey, startTestApi } from '../../test/start-test-api.ts';

const admin = { authorization: `Bearer ${adminKey}` };
const noon = Date.parse('2026-11-24T12:00:00Z');

let api: LedgerApi;
beforeAll(async () => {
  api = await startLedgerApi({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl'), authMode: 'keys' });
  await post('/v1/admin/tenants', { id: 'acme' });
});
afterAll(() => api?.close());

const post = (url: string, payload: object, headers = admin) => api.inject({ method: 'POST', url, payload, headers });
const list = async (query: string, headers: Record<string, string> = admin) => {
  const response = await api.get(`/v1/admin/ledger${query}`, headers);
  expect(response.statusCode).toBe(200);
  return response.json();
};
const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);

/** Rows of a tenant, the oldest first, some of them at the same time. */
async function fill(tenant: string, count: number): Promise<string[]> {
  const entries = Array.from({ length: count }, (_, index) =>
    entryOf({ tenant, generation: `${tenant}_${String(index).padStart(5, '0')}` }, noon + Math.floor(index / 3)),
  );
  await api.addRows(entries);
  return entries.map(({ row }) => `${row.generation}.1`);
}

test('a row says all that is known of a call', async () => {
  api.answers = () => answered('x', { providerRequestId: 'chatcmpl-1' });
  const response = await post('/v1/generate', { prompt: 'x', model: 'gpt-4o', user_id: 'u1' });
  expect(response.statusCode).toBe(200);
  await api.writeLedger();
  const id = response.json().job_id;
  const page = await list(`?generation=${id}`);
  expect(page).toEqual({
    object: 'list',
    data: [
      {
        object: 'ledger.row',
        id: `${id}.1`,
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        generation: id,
        call: 1,
        kind: 'call',
        status: 'completed',
        code: null,
        tenant_id: 'default',
        key_id: null,
        user_id: 'u1',
        model: 'openai/gpt-4o',
        provider: 'openai',
        endpoint: '/v1/generate',
        request_id: response.headers['x-request-id'],
        prompt_tokens: 11,
        completion_tokens: 7,
        cached_prompt_tokens: 0,
        cache_write_tokens: 0,
        reasoning_tokens: 0,
        usage_source: 'provider',
        cost_usd: 0.0000975,
        saved_usd: 0,
        price_version: 'test',
        latency_ms: 1,
        first_token_ms: null,
        provider_request_id: null,
      },
    ],
    first_id: `${id}.1`,
    last_id: `${id}.1`,
    has_more: false,
    stale: false,
  });
  expect(idsOf(await list(`?generation=${id.replace('job_', 'chatcmpl-')}`))).toEqual([`${id}.1`]);
});

describe('pages', () => {
  test('come one after the other, the newest first, with no row left out or twice', async () => {
    const ids = await fill('paged', 25);
    const seen: string[] = [];
    let after = '';
    for (;;) {
      const page = await list(`?tenant_id=paged&limit=4${after}`);
      seen.push(...idsOf(page));
      expect(page.last_id).toBe(seen.at(-1));
      if (!page.has_more) break;
      after = `&after=${page.last_id}`;
    }
    expect(seen).toEqual(ids.toReversed());
  });

  test('have nothing of what comes meanwhile', async () => {
    const ids = await fill('growing', 5);
    const first = await list('?tenant_id=growing&limit=2');
    await api.addRows([entryOf({ tenant: 'growing', generation: 'growing_new' }, noon + 1000)]);
    const second = await list(`?tenant_id=growing&limit=10&after=${first.last_id}`);
    expect([...idsOf(first), ...idsOf(second)]).toEqual(ids.toReversed());
  });

  test.for([['nonsense'], ['job_1'], ['job_nobody.1'], ['job_1.99999999999'], ['a%00.1']])(
    '422 after what is no row: %s',
    async ([after]) => {
      const response = await api.get(`/v1/admin/ledger?after=${after}`, admin);
      expect(response.statusCode).toBe(422);
      expect(response.json().errors[0]).toMatchObject({ pointer: 'after' });
    },
  );
});

test.for([
  ['user_id=u2', ['f3', 'f2']],
  ['key_id=key_b', ['f1']],
  ['model=gpt-4o-mini', ['f2']],
  ['status=failed', ['f3']],
  ['generation=f1', ['f1']],
  ['from=2026-11-25', ['f3', 'f2']],
  ['to=2026-11-24', ['f1']],
  ['from=2026-11-25&to=2026-11-25&status=completed', ['f2']],
  ['user_id=nobody', []],
  ['user_id=%00', []],
] as const)('only rows with %s', async ([query, generations]) => {
  const day = 24 * 3600 * 1000;
  await api.addRows([
    entryOf({ tenant: 'filtered', generation: 'f1', key: 'key_b' }, noon),
    entryOf({ tenant: 'filtered', generation: 'f2', user: 'u2', model: 'openai/gpt-4o-mini' }, noon + day),
    entryOf({ tenant: 'filtered', generation: 'f3', user: 'u2', status: 'failed' }, noon + day + 1),
  ]);
  const page = await list(`?tenant_id=filtered&${query}`);
  expect(page.data.map(({ generation }: { generation: string }) => generation)).toEqual(generations);
});

test('a tenant’s administrator sees its own rows alone, and 404 for another tenant', async () => {
  await fill('acme', 2);
  const { key } = (await post('/v1/admin/keys', { tenant_id: 'acme', scopes: ['admin'] })).json();
  const own = { authorization: `Bearer ${key}` };
  const page = await list('', own);
  expect(new Set(page.data.map(({ tenant_id }: { tenant_id: string }) => tenant_id))).toEqual(new Set(['acme']));
  expect((await api.get('/v1/admin/ledger?tenant_id=paged', own)).statusCode).toBe(404);
  expect((await api.get('/v1/admin/ledger?after=paged_00000.1', own)).statusCode).toBe(422);
  const reader = (await post('/v1/admin/keys', { tenant_id: 'acme' })).json();
  expect((await api.get('/v1/admin/ledger', { authorization: `Bearer ${reader.key}` })).statusCode).toBe(403);
});

describe('as CSV', () => {
  test('all rows, however many, the newest first', async () => {
    const ids = await fill('long', 2500);
    const response = await api.get('/v1/admin/ledger?tenant_id=long&limit=1&format=csv', admin);
    expect(response.headers['content-type']).toBe('text/csv; charset=utf-8');
    const [names, ...lines] = response.body.trim().split('\n');
    expect(names).toMatch(/^id,at,generation,call,kind,status,code,tenant_id,/);
    expect(lines.map((line) => line.split(',')[0])).toEqual(ids.toReversed());
  });

  test('no cell is a formula', async () => {
    await api.addRows([entryOf({ tenant: 'hostile', generation: 'h1', user: '=HYPERLINK("http://x","y")' })]);
    const response = await api.get('/v1/admin/ledger?tenant_id=hostile', { ...admin, accept: 'text/csv' });
    expect(response.body).toContain(`"'=HYPERLINK(""http://x"",""y"")"`);
  });

  test('HEAD has no body', async () => {
    const response = await api.inject({ method: 'HEAD', url: '/v1/admin/ledger?format=csv', headers: admin });
    expect([response.statusCode, response.body]).toEqual([200, '']);
    expect(response.headers['content-type']).toBe('text/csv; charset=utf-8');
  });

  describe('of a long ledger', () => {
    const chunks = 30;
    let served: LedgerApi;
    let reads = 0;
    beforeAll(async () => {
      served = await startLedgerApi({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') });
      const row = { endpoint: 'x'.repeat(300) };
      await served.addRows(
        Array.from({ length: chunks * 1000 }, (_, index) => entryOf({ ...row, generation: `${index}` })),
      );
      const { read } = served.deps.ledger;
      served.deps.ledger.read = (run) => {
        reads += 1;
        return read(run);
      };
      await served.app.listen({ port: 0, host: '127.0.0.1' });
    });
    afterAll(() => served?.close());

    const fetchRows = () => {
      const { port } = served.app.server.address() as AddressInfo;
      return fetch(`http://127.0.0.1:${port}/v1/admin/ledger?format=csv`, { headers: admin });
    };

    test('a reader that leaves ends the reading', async () => {
      const left = await fetchRows();
      await left.body?.cancel();
      expect(reads).toBeLessThan(chunks);
      reads = 0;
      const all = await (await fetchRows()).text();
      expect(all.split('\n')).toHaveLength(chunks * 1000 + 2);
      // One of the reader that left may have been under way.
      expect(reads - chunks).toBeLessThanOrEqual(1);
    });

    test('an answer that Postgres leaves in the middle is not taken for complete', async () => {
      const cut = await fetchRows();
      await served.deps.database.destroy();
      await expect(cut.text()).rejects.toThrow();
    });
  });
});

test('503 with Postgres away', async () => {
  const lost = await startTestApi({ redisUrl: inject('redisUrl') });
  onTestFinished(() => lost.close());
  for (const query of ['', '?format=csv']) {
    const response = await lost.get(`/v1/admin/ledger${query}`, admin);
    expect(response.statusCode).toBe(503);
    expect(response.json().code).toBe('dependency_down');
  }
});
