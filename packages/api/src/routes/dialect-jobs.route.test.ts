import '@llm-gateway/testkit/provided-context';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { answered, failed } from '../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({
    redisUrl: inject('redisUrl'),
    environment: { MAX_REQUESTS_PER_MINUTE: '1000', MAX_REQUESTS_PER_HOUR: '1000' },
  });
});
afterAll(() => api?.close());
beforeEach(() => {
  api.answers = undefined;
});

const messages = [{ role: 'user', content: 'Say hello' }];
const completion = { object: 'text_completion', choices: [{ index: 0, text: 'Hello.', finish_reason: 'stop' }] };
const embeddings = { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.5] }] };
const nativeOf = (name: 'completions' | 'embeddings', body: Record<string, unknown>) => ({
  native: { api: name, body },
});

/** A request to each dialect endpoint, its answer, and how an answer looks in its terms. */
const table = [
  {
    path: '/v1/chat/completions',
    body: { model: 'gpt-4o', messages },
    looks: { object: 'chat.completion', choices: [{ message: { content: 'Hello.' } }] },
  },
  {
    path: '/v1/messages',
    body: { model: 'gpt-4o', messages, max_tokens: 9 },
    looks: { type: 'message', content: [{ type: 'text', text: 'Hello.' }] },
  },
  {
    path: '/v1/responses',
    body: { model: 'gpt-4o', input: 'Say hello' },
    looks: { object: 'response', status: 'completed' },
  },
  {
    path: '/v1/completions',
    body: { model: 'gpt-4o', prompt: 'Say hello' },
    more: nativeOf('completions', completion),
    looks: completion,
  },
  {
    path: '/v1/embeddings',
    body: { model: 'text-embedding-3-small', input: 'Say hello' },
    more: nativeOf('embeddings', embeddings),
    looks: embeddings,
  },
];

const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
  api.inject({ method: 'POST', url, payload, headers: { 'x-gateway-cache': 'off', ...headers } });

describe.for(table)('$path as a job', ({ path, body, looks, more = {} }) => {
  const isAnthropic = path === '/v1/messages';

  test.for([{}, { stream: true }])('is accepted for who comes back for it, %j', async (way) => {
    const response = await post(path, { ...body, ...way }, { prefer: 'respond-async' });
    const { id } = response.json();
    expect(response.statusCode).toBe(202);
    expect(response.headers).toMatchObject({
      location: `/v1/jobs/${id}`,
      'x-job-id': id,
      'preference-applied': 'respond-async',
      'retry-after': '1',
    });
    expect(response.json()).toMatchObject({ object: 'job', status: 'queued', endpoint: path });
  });

  test.for(['itself', '/v1/jobs'])('sent to %s has the result that a waiting client would have had', async (way) => {
    const isWrapped = way === '/v1/jobs';
    const sent = isWrapped ? { endpoint: path, body } : body;
    const { id } = (await post(isWrapped ? way : path, sent, { prefer: 'respond-async' })).json();
    const pending = await api.get(`/v1/jobs/${id}/result`);
    expect([pending.statusCode, pending.json().object]).toEqual([202, 'job']);
    await api.hand.settle(id, answered('Hello.', more));
    const result = await api.get(`/v1/jobs/${id}/result`);
    expect([result.statusCode, result.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    expect(result.json()).toMatchObject(looks);
    const events = (await api.get(`/v1/jobs/${id}/events`)).body;
    const names = [...events.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect([names[0], names.at(-1)]).toEqual(['job.queued', 'job.completed']);
    const [last = ''] = events.trimEnd().split('\n\n').slice(-1);
    expect(JSON.parse(last.split('\ndata: ')[1] ?? '').result).toMatchObject(looks);
  });

  test('that has failed is told of in its own terms', async () => {
    const { id } = (await post(path, body, { prefer: 'respond-async' })).json();
    await api.hand.settle(id, failed({ code: 'provider_busy', detail: 'It is busy.' }));
    const result = await api.get(`/v1/jobs/${id}/result`);
    expect(result.statusCode).toBe(502);
    expect(result.json()).toEqual(
      isAnthropic
        ? { type: 'error', error: { type: 'api_error', message: 'It is busy.' }, request_id: expect.any(String) }
        : { error: { message: 'It is busy.', type: 'server_error', param: null, code: 'upstream_error' } },
    );
  });

  test('that was cancelled is told of in its own terms, and is a job like any other', async () => {
    const { id } = (await post(path, body, { prefer: 'respond-async' })).json();
    const cancelled = await post(`/v1/jobs/${id}/cancel`, {});
    expect([cancelled.statusCode, cancelled.json().status]).toEqual([200, 'cancelled']);
    const result = await api.get(`/v1/jobs/${id}/result`);
    expect(result.statusCode).toBe(409);
    expect(result.json().error.type).toBe('conflict_error');
  });

  test('names the members of the body within the job', async () => {
    const refused = await post('/v1/jobs', { endpoint: path, body: { ...body, model: 'no-such-model' } });
    expect(refused.json()).toMatchObject({ error: { param: 'body.model' } });
    const shapeless = await post('/v1/jobs', { endpoint: path, body: { ...body, model: 5 } });
    expect([shapeless.statusCode, shapeless.json().error.param]).toEqual([422, 'body.model']);
  });
});

test('what cost next to nothing is told in digits, not by an exponent', async () => {
  api.answers = () => answered('', { ...nativeOf('embeddings', embeddings), costNanoUsd: '20' });
  const response = await post('/v1/embeddings', { model: 'text-embedding-3-small', input: 'Cheap' });
  expect(response.headers['x-cost-usd']).toBe('0.00000002');
});
