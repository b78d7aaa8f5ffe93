import '@llm-gateway/testkit/provided-context';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeKey, makeTenant } from '../../test/make-key.ts';
import { type LedgerApi, startLedgerApi } from '../../test/start-ledger-api.ts';

const path = '/v1/messages/batches';

let api: LedgerApi;
beforeAll(async () => {
  api = await startLedgerApi({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: { BODY_LIMIT_BYTES: '10000', BATCH_BODY_LIMIT_BYTES: '20000', PUBLIC_URL: 'https://gateway.example/' },
  });
});
afterAll(() => api?.close());

const post = (url: string, payload: object = {}, headers: object = {}) =>
  api.inject({ method: 'POST', url, payload, headers: { ...headers } });
const request = (custom_id: string, params: unknown = { model: 'claude-sonnet-4-5' }) => ({ custom_id, params });
const end = (id: string) =>
  sql`update batch set status = 'completed', is_done = true, ended_at = now() where id = ${id}`.execute(
    api.deps.database,
  );

describe(`POST ${path}`, () => {
  test('answers a batch whose requests are all in processing', async () => {
    const response = await post(path, { requests: [request('a'), request('b', {})] });
    expect(response.statusCode).toBe(200);
    const batch = response.json();
    expect(batch).toEqual({
      id: expect.stringMatching(/^msgbatch_[0-9A-Z]{26}$/),
      type: 'message_batch',
      processing_status: 'in_progress',
      request_counts: { processing: 2, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
      created_at: expect.any(String),
      expires_at: new Date(Date.parse(batch.created_at) + 24 * 3600 * 1000).toISOString(),
      ended_at: null,
      cancel_initiated_at: null,
      archived_at: null,
      results_url: null,
    });
    expect((await api.get(`${path}/${batch.id}`)).json()).toEqual(batch);
  });

  test('takes more than other bodies may have, and not anything', async () => {
    const of = (size: number) => post(path, { requests: [request('a', { text: 'x'.repeat(size) })] });
    expect((await of(15_000)).statusCode).toBe(200);
    const refused = await of(25_000);
    expect([refused.statusCode, refused.json().error.type]).toEqual([413, 'request_too_large']);
  });

  test.for<[unknown, string]>([
    [{}, 'requests'],
    [{ requests: [] }, 'requests'],
    [{ requests: [request('a b')] }, '/requests/0/custom_id'],
    [{ requests: [request('x'.repeat(65))] }, '/requests/0/custom_id'],
    [{ requests: [request('a'), request('b'), request('a')] }, '/requests/2/custom_id'],
    [{ requests: [request('a', 'text')] }, '/requests/0/params'],
    [
      { requests: [request('a', { deep: JSON.parse('['.repeat(150) + ']'.repeat(150)) })] },
      '/requests/0/params: must not be nested',
    ],
  ])('refuses %j', async ([body, where]) => {
    const response = await post(path, body as object);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.stringContaining(where) },
      request_id: response.headers['request-id'],
    });
  });
});

describe('a message batch', () => {
  const make = async (headers: object = {}) => (await post(path, { requests: [request('a')] }, headers)).json().id;

  test('has results when it has ended, as JSON lines, where its own answer says', async () => {
    const id = await make();
    expect((await api.get(`${path}/${id}/results`)).statusCode).toBe(400);
    const message = { type: 'message', content: [] };
    await sql`update batch_line set state = 'completed', body = ${JSON.stringify(message)} where batch = ${id}`.execute(
      api.deps.database,
    );
    await end(id);
    const { results_url, processing_status } = (await api.get(`${path}/${id}`)).json();
    expect([processing_status, results_url]).toEqual(['ended', `https://gateway.example${path}/${id}/results`]);
    const response = await api.get(`${path}/${id}/results`, { accept: 'application/binary' });
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'application/x-jsonl']);
    expect(response.body).toBe(`${JSON.stringify({ custom_id: 'a', result: { type: 'succeeded', message } })}\n`);
  });

  test('says of results that are not kept any more that there are none', async () => {
    const id = await make();
    await end(id);
    await sql`update batch set archived_at = now() where id = ${id}`.execute(api.deps.database);
    expect((await api.get(`${path}/${id}/results`)).json()).toMatchObject({ error: { type: 'not_found_error' } });
  });

  test('can be cancelled, and removed once it has ended', async () => {
    const id = await make();
    const remove = () => api.inject({ method: 'DELETE', url: `${path}/${id}` });
    expect((await remove()).statusCode).toBe(400);
    for (let time = 0; time < 2; time += 1) {
      const cancelled = await post(`${path}/${id}/cancel`);
      expect([cancelled.statusCode, cancelled.json()]).toEqual([
        200,
        expect.objectContaining({ processing_status: 'canceling', cancel_initiated_at: expect.any(String) }),
      ]);
    }
    await end(id);
    expect((await remove()).json()).toEqual({ id, type: 'message_batch_deleted' });
    expect((await remove()).json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
    const { rows } = await sql`select 1 from batch_line where batch = ${id}`.execute(api.deps.database);
    expect(rows).toEqual([]);
  });

  test('is listed by the page, both ways', async () => {
    await makeTenant(api, { id: 'pager' });
    const { headers } = await makeKey(api, { tenant_id: 'pager' });
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) ids.unshift(await make(headers));
    const page = async (query: string) => {
      const { data, has_more, first_id, last_id } = (await api.get(`${path}${query}`, headers)).json();
      const found = data.map(({ id }: { id: string }) => id);
      expect([first_id, last_id]).toEqual([found[0] ?? null, found.at(-1) ?? null]);
      return [found, has_more];
    };
    expect(await page('')).toEqual([ids, false]);
    expect(await page('?limit=2')).toEqual([ids.slice(0, 2), true]);
    expect(await page(`?limit=2&after_id=${ids[1]}`)).toEqual([ids.slice(2, 4), true]);
    expect(await page(`?limit=2&after_id=${ids[3]}`)).toEqual([ids.slice(4), false]);
    expect(await page(`?limit=2&before_id=${ids[4]}`)).toEqual([ids.slice(2, 4), true]);
    expect(await page(`?limit=2&before_id=${ids[1]}`)).toEqual([ids.slice(0, 1), false]);
    expect((await api.get(`${path}?after_id=${ids[0]}&before_id=${ids[1]}`, headers)).statusCode).toBe(400);
  });
});
