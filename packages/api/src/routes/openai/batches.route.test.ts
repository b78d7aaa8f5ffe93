import '@llm-gateway/testkit/provided-context';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeKey, makeTenant } from '../../test/make-key.ts';
import { type LedgerApi, startLedgerApi } from '../../test/start-ledger-api.ts';

let api: LedgerApi;
beforeAll(async () => {
  api = await startLedgerApi({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') });
});
afterAll(() => api?.close());

const post = (url: string, payload: object, headers: object = {}) =>
  api.inject({ method: 'POST', url, payload, headers: { ...headers } });

async function inputFile(owner = { tenant: 'default', owner: 'ann' }, purpose = 'batch'): Promise<string> {
  const writer = await api.deps.files.begin({ ...owner, name: 'input.jsonl' });
  return (await writer.finish(purpose, 3600)).id;
}

const asked = async (changes: object = {}) => ({
  input_file_id: await inputFile(),
  endpoint: '/v1/chat/completions',
  completion_window: '24h',
  ...changes,
});

describe('POST /v1/batches', () => {
  test('answers a batch with every member', async () => {
    const body = await asked({
      metadata: { project: 'x' },
      output_expires_after: { anchor: 'created_at', seconds: 3600 },
    });
    const response = await post('/v1/batches', body);
    expect(response.statusCode).toBe(200);
    const batch = response.json();
    expect(batch).toEqual({
      id: expect.stringMatching(/^batch_[0-9A-Z]{26}$/),
      object: 'batch',
      endpoint: '/v1/chat/completions',
      errors: null,
      input_file_id: body.input_file_id,
      completion_window: '24h',
      status: 'validating',
      output_file_id: null,
      error_file_id: null,
      created_at: expect.any(Number),
      in_progress_at: null,
      expires_at: batch.created_at + 24 * 3600,
      finalizing_at: null,
      completed_at: null,
      failed_at: null,
      expired_at: null,
      cancelling_at: null,
      cancelled_at: null,
      request_counts: { total: 0, completed: 0, failed: 0 },
      metadata: { project: 'x' },
      usage: {
        input_tokens: 0,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 0,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 0,
      },
    });
    expect((await api.get(`/v1/batches/${batch.id}`)).json()).toEqual(batch);
  });

  test('takes null for what is not said', async () => {
    const response = await post('/v1/batches', await asked({ metadata: null, output_expires_after: null }));
    expect([response.statusCode, response.json().metadata]).toEqual([200, null]);
  });

  test.for<[object, string]>([
    [{ input_file_id: 'file-nothing' }, 'input_file_id'],
    [{ input_file_id: undefined }, 'input_file_id'],
    [{ endpoint: '/v1/messages' }, 'endpoint'],
    [{ completion_window: '1h' }, 'completion_window'],
    [{ metadata: { a: 'x'.repeat(513) } }, 'metadata.a'],
    [{ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`m${index}`, 'x'])) }, 'metadata'],
    [{ output_expires_after: { anchor: 'created_at', seconds: 60 } }, 'output_expires_after.seconds'],
  ])('refuses %j with 400', async ([changes, param]) => {
    const response = await post('/v1/batches', await asked(changes));
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({ type: 'invalid_request_error', param });
  });

  test("refuses another purpose's file, and another tenant's", async () => {
    await makeTenant(api, { id: 'bolt' });
    for (const file of [
      await inputFile(undefined, 'batch_output'),
      await inputFile({ tenant: 'bolt', owner: 'ann' }),
    ]) {
      const response = await post('/v1/batches', await asked({ input_file_id: file }));
      expect([response.statusCode, response.json().error.param]).toEqual([400, 'input_file_id']);
    }
  });
});

describe('a batch', () => {
  test('can be cancelled, with any body or none, as often as one likes until it has ended', async () => {
    const { id } = (await post('/v1/batches', await asked())).json();
    const url = `/v1/batches/${id}/cancel`;
    const cancel = (headers = {}) => api.inject({ method: 'POST', url, headers });
    for (const response of [await cancel(), await cancel({ 'content-type': 'application/json' })]) {
      expect([response.statusCode, response.json()]).toEqual([
        200,
        expect.objectContaining({ status: 'cancelling', cancelling_at: expect.any(Number) }),
      ]);
    }
    for (const [status, code] of [
      ['cancelled', 200],
      ['completed', 409],
      ['finalizing', 409],
    ] as const) {
      await api.deps.database
        .withTables<{ batch: { status: string; id: string } }>()
        .updateTable('batch')
        .set({ status })
        .where('id', '=', id)
        .execute();
      const response = await cancel();
      expect([status, response.statusCode]).toEqual([status, code]);
      expect(response.headers['x-should-retry']).toBe(code === 409 ? 'false' : undefined);
    }
  });

  test('is listed by the page, the newest first', async () => {
    await makeTenant(api, { id: 'pager' });
    const { id: owner, headers } = await makeKey(api, { tenant_id: 'pager' });
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const file = await inputFile({ tenant: 'pager', owner });
      ids.unshift((await post('/v1/batches', await asked({ input_file_id: file }), headers)).json().id);
    }
    const page = async (query: string) => {
      const { data, has_more } = (await api.get(`/v1/batches${query}`, headers)).json();
      return [data.map(({ id }: { id: string }) => id), has_more];
    };
    expect(await page('')).toEqual([ids, false]);
    expect(await page('?limit=2')).toEqual([ids.slice(0, 2), true]);
    expect(await page(`?limit=2&after=${ids[1]}`)).toEqual([ids.slice(2), false]);
    expect((await api.get('/v1/batches?limit=101', headers)).statusCode).toBe(400);
  });

  test('of a user is not there for a key that is bound to another', async () => {
    const [ann, bob] = [await makeKey(api, { user_id: 'ann' }), await makeKey(api, { user_id: 'bob' })];
    const { id } = (await post('/v1/batches', await asked(), ann.headers)).json();
    for (const url of [`/v1/batches/${id}`, '/v1/batches']) {
      expect((await api.get(url, ann.headers)).body).toContain(id);
      expect((await api.get(url, bob.headers)).json()).not.toMatchObject({ data: [{ id }] });
    }
    expect((await api.get(`/v1/batches/${id}`, bob.headers)).statusCode).toBe(404);
    expect((await post(`/v1/batches/${id}/cancel`, {}, bob.headers)).statusCode).toBe(404);
    const bobs = await post('/v1/batches', await asked(), bob.headers);
    expect([bobs.statusCode, bobs.json().error.param]).toEqual([400, 'input_file_id']);
  });
});
