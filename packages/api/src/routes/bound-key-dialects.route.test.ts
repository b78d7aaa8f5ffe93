import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type MadeKey, makeKey } from '../test/make-key.ts';
import { answered } from '../test/settle-by-hand.ts';
import { type LedgerApi, startLedgerApi } from '../test/start-ledger-api.ts';

let api: LedgerApi;
let ann: MadeKey;
let bob: MadeKey;
/** Of bob's, with the body that the request needs. */
let paths: { method: 'GET' | 'POST' | 'DELETE'; url: string; payload?: object }[];

const said = () => [{ role: 'user', content: `bob asks ${randomUUID()}` }];
const chat = (more: object = {}) => ({ model: 'gpt-4o', messages: said(), ...more });

const send = (method: 'GET' | 'POST' | 'DELETE', url: string, { headers }: MadeKey, payload?: object) =>
  api.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });

let response: string;
let file: string;

async function makeThings(): Promise<void> {
  const chatId = (await send('POST', '/v1/chat/completions', bob, chat({ store: true }))).json().id;
  response = (await send('POST', '/v1/responses', bob, { model: 'gpt-4o', input: 'bob asks', background: true })).json()
    .id;
  const message = (await send('POST', '/v1/messages', bob, chat({ model: 'claude-haiku-4-5', max_tokens: 5 }))).json()
    .id;
  const suffix = String(chatId).slice('chatcmpl-'.length);
  const writer = await api.deps.files.begin({ tenant: 'default', owner: 'bob', name: 'bob.jsonl' });
  file = (await writer.finish('batch', 3600)).id;
  const batchBody = { input_file_id: file, endpoint: '/v1/chat/completions', completion_window: '24h' };
  const batch = (await send('POST', '/v1/batches', bob, batchBody)).json().id;
  const requests = [{ custom_id: 'a', params: {} }];
  const messageBatch = (await send('POST', '/v1/messages/batches', bob, { requests })).json().id;
  await sql`update batch set status = 'completed', is_done = true where id = ${messageBatch}`.execute(
    api.deps.database,
  );
  paths = [
    { method: 'GET', url: `/v1/chat/completions/${chatId}` },
    { method: 'GET', url: `/v1/chat/completions/job_${suffix}` },
    { method: 'GET', url: `/v1/chat/completions/${chatId}/messages` },
    { method: 'POST', url: `/v1/chat/completions/${chatId}`, payload: { metadata: {} } },
    { method: 'DELETE', url: `/v1/chat/completions/${chatId}` },
    ...['job_', 'resp_', 'msg_', 'chatcmpl-', 'cmpl-'].map((prefix) => ({
      method: 'GET' as const,
      url: `/v1/jobs/${prefix}${suffix}/result`,
    })),
    { method: 'GET', url: `/v1/jobs/${message}` },
    { method: 'GET', url: `/v1/jobs/${message}/events` },
    { method: 'GET', url: `/v1/responses/${response}` },
    { method: 'GET', url: `/v1/responses/${response}?stream=true` },
    { method: 'GET', url: `/v1/responses/${response}/input_items` },
    { method: 'POST', url: `/v1/responses/${response}/cancel` },
    { method: 'DELETE', url: `/v1/responses/${response}` },
    { method: 'GET', url: `/v1/files/${file}` },
    { method: 'GET', url: `/v1/files/${file}/content` },
    { method: 'GET', url: `/v1/batches/${batch}` },
    { method: 'POST', url: `/v1/batches/${batch}/cancel` },
    { method: 'GET', url: `/v1/messages/batches/${messageBatch}` },
    { method: 'GET', url: `/v1/messages/batches/${messageBatch}/results` },
    { method: 'POST', url: `/v1/messages/batches/${messageBatch}/cancel` },
    { method: 'DELETE', url: `/v1/messages/batches/${messageBatch}` },
    { method: 'DELETE', url: `/v1/files/${file}` },
  ];
}

beforeAll(async () => {
  const environment = { MAX_REQUESTS_PER_MINUTE: '1000', MAX_REQUESTS_PER_HOUR: '1000' };
  const servers = { redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') };
  api = await startLedgerApi({ ...servers, authMode: 'keys', environment });
  api.answers = () => answered('x');
  [ann, bob] = [await makeKey(api, { user_id: 'ann' }), await makeKey(api, { user_id: 'bob' })];
  await makeThings();
});
afterAll(() => api?.close());

describe('what another user of the tenant has', () => {
  test('is as good as not there, by whatever name and in whatever dialect it is asked for', async () => {
    const wrong: string[] = [];
    for (const { method, url, payload } of paths) {
      const { statusCode, body } = await send(method, url, ann, payload);
      if (statusCode !== 404 || body.includes('bob asks')) wrong.push(`${method} ${url}: ${statusCode} ${body}`);
    }
    expect(wrong).toEqual([]);
  });

  test('is there for whom it belongs to: the attempts were none in vain', async () => {
    const wrong: string[] = [];
    for (const { method, url } of paths.filter((path) => path.method === 'GET')) {
      const { statusCode } = await send(method, url, bob);
      if (statusCode !== 200) wrong.push(`${method} ${url}: ${statusCode}`);
    }
    expect(wrong).toEqual([]);
  });

  test('is in no list', async () => {
    for (const url of ['/v1/chat/completions', '/v1/files', '/v1/batches', '/v1/messages/batches']) {
      expect([url, (await send('GET', url, ann)).json().data]).toEqual([url, []]);
      expect((await send('GET', url, bob)).json().data).toHaveLength(1);
    }
  });

  test('is neither gone on with, nor counted, nor run', async () => {
    const next = { model: 'gpt-4o', input: 'and then?', previous_response_id: response };
    const nowhere = { error: { code: 'previous_response_not_found', param: 'previous_response_id' } };
    for (const url of ['/v1/responses', '/v1/responses/input_tokens']) {
      const refused = await send('POST', url, ann, next);
      expect([url, refused.statusCode]).toEqual([url, 400]);
      expect(refused.json()).toMatchObject(nowhere);
    }
    const job = await send('POST', '/v1/jobs', ann, { endpoint: '/v1/responses', body: next });
    expect(job.json()).toMatchObject({ code: 'previous_response_not_found' });
    const body = { input_file_id: file, endpoint: '/v1/chat/completions', completion_window: '24h' };
    expect((await send('POST', '/v1/batches', ann, body)).json().error.param).toBe('input_file_id');
  });
});

describe.for([
  ['/v1/chat/completions', { user: 'bob' }, 'user'],
  ['/v1/chat/completions', { safety_identifier: 'bob', user: 'ann' }, 'safety_identifier'],
  ['/v1/responses', { user: 'bob' }, 'user'],
  ['/v1/completions', { user: 'bob' }, 'user'],
  ['/v1/embeddings', { user: 'bob', model: 'text-embedding-3-small' }, 'user'],
  ['/v1/messages', { metadata: { user_id: 'bob' } }, 'metadata.user_id'],
] as const)('%s with %j', ([url, more, param]) => {
  test('is refused to a key that is bound to somebody else', async () => {
    const body = { model: 'gpt-4o', messages: said(), input: 'x', prompt: 'x', max_tokens: 5, ...more };
    const refused = await send('POST', url, ann, body);
    expect(refused.statusCode).toBe(403);
    const { error } = refused.json();
    if (error.param !== undefined) expect(error.param).toBe(param);
    else expect(error.message).toContain(`/${param.replace('.', '/')}`);
    const headers = { ...ann.headers, 'x-user-id': 'bob' };
    const { user: _, safety_identifier: _1, metadata: _2, ...unnamed } = body as Record<string, unknown>;
    expect((await api.inject({ method: 'POST', url, headers, payload: unnamed })).statusCode).toBe(403);
  });
});

describe('the key of an idempotency', () => {
  const key = randomUUID();
  const ask = (url: string, whose: MadeKey, payload: object) =>
    api.inject({ method: 'POST', url, payload, headers: { ...whose.headers, 'idempotency-key': key } });

  test("is each user's own, and each path's own", async () => {
    const asked = { model: 'gpt-4o', messages: [{ role: 'user', content: 'the same' }], max_tokens: 5 };
    const ids = new Set<unknown>();
    for (const url of ['/v1/chat/completions', '/v1/messages']) {
      for (const whose of [ann, bob]) {
        const answer = await ask(url, whose, asked);
        expect([url, answer.statusCode, answer.headers['idempotent-replayed']]).toEqual([url, 200, undefined]);
        ids.add(answer.headers['x-job-id']);
        const again = await ask(url, whose, asked);
        expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true', 'x-job-id': answer.headers['x-job-id'] });
      }
    }
    expect(ids.size).toBe(4);
    const other = await ask('/v1/chat/completions', ann, { ...asked, temperature: 1 });
    expect([other.statusCode, other.json().error.code]).toEqual([422, 'idempotency_key_reused']);
    expect(other.headers['x-should-retry']).toBe('false');
  });
});

describe('a retry', () => {
  const path = '/v1/chat/completions';
  const beta = { 'anthropic-beta': 'a' };

  test('finds its own request and nobody else’s', async () => {
    api.answers = undefined;
    const payload = chat();
    const post = (url: string, { headers }: MadeKey, retry: number, more: object = {}, sent: object = payload) =>
      api.inject({
        method: 'POST',
        url,
        payload: sent,
        headers: { ...headers, prefer: 'respond-async', 'x-stainless-retry-count': String(retry), ...more },
      });
    const idOf = async (...asked: Parameters<typeof post>) => (await post(...asked)).headers['x-job-id'];
    const first = await idOf(path, bob, 0);
    expect(await idOf(path, bob, 1)).toBe(first);
    expect(await idOf(path, bob, 1, { 'openai-organization': 'another' }), 'on another account').not.toBe(first);
    expect(await idOf(path, ann, 1), 'of another user').not.toBe(first);
    expect(await idOf('/v1/messages', bob, 1, {}, { ...payload, max_tokens: 5 }), 'elsewhere').not.toBe(first);

    const message = { ...payload, model: 'claude-haiku-4-5', max_tokens: 5 };
    const second = await idOf('/v1/messages', bob, 0, beta, message);
    expect(await idOf('/v1/messages', bob, 1, beta, message)).toBe(second);
    expect(await idOf('/v1/messages', bob, 1, { 'anthropic-beta': 'b' }, message), 'of another beta').not.toBe(second);
  });
});
