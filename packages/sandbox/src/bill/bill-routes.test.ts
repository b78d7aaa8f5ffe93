import { describe, expect } from 'vitest';
import { test } from '../test-with-sandbox.ts';

const path = '/v1/chat/completions';
const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'a secret about bears' }] };
const other = { ...body, model: 'gpt-4o-mini' };

describe('GET /sandbox/bill', () => {
  test('sums by request id and by model, and is filtered by them', async ({ sandbox }) => {
    await sandbox.post(path, body, { 'x-client-request-id': 'one' });
    await sandbox.post(path, other, { 'x-client-request-id': 'one' });
    await sandbox.post(path, other, { 'x-client-request-id': 'two' });
    await sandbox.post(path, body);
    const bill = await sandbox.bill();
    expect(bill).toMatchObject({ calls: 4, dropped: 0 });
    expect(bill.total_tokens).toBe(bill.prompt_tokens + bill.completion_tokens);
    expect(Object.entries(bill.by_request_id).map(([id, { calls }]) => [id, calls])).toEqual([
      ['one', 2],
      ['two', 1],
    ]);
    expect(Object.entries(bill.by_model).map(([model, { calls }]) => [model, calls])).toEqual([
      ['gpt-4o', 2],
      ['gpt-4o-mini', 2],
    ]);
    expect(bill.prompt_tokens).toBe(bill.entries.reduce((sum, entry) => sum + entry.prompt_tokens, 0));

    expect(await sandbox.bill('?request_id=one')).toMatchObject({ calls: 2, by_request_id: { one: { calls: 2 } } });
    expect(await sandbox.bill('?model=gpt-4o&request_id=one')).toMatchObject({ calls: 1 });
    expect(await sandbox.calls('?request_id=two')).toHaveLength(1);
  });

  test('an entry tells all there is to compare, under the id the client saw', async ({ sandbox }) => {
    const response = await sandbox.post(path, { ...body, stream: true }, { 'x-client-request-id': 'one' });
    await response.text();
    const { entries } = await sandbox.bill();
    expect(entries).toEqual([
      {
        call_id: response.headers.get('x-request-id'),
        request_id: 'one',
        model: 'gpt-4o',
        dialect: 'openai',
        path,
        prompt_tokens: expect.any(Number),
        completion_tokens: expect.any(Number),
        streamed: true,
        outcome: 'completed',
        started_at: expect.stringMatching(/^\d{4}-.*Z$/),
        ended_at: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
  });

  test('DELETE forgets it', async ({ sandbox }) => {
    await sandbox.post(path, body);
    await sandbox.reset();
    expect(await sandbox.bill()).toMatchObject({ calls: 0, entries: [] });
    expect(await sandbox.calls()).toEqual([]);
  });
});

describe('GET /sandbox/calls', () => {
  test('names headers and parameters, never what they held', async ({ sandbox }) => {
    await sandbox.post(path, { ...body, temperature: 0.5 }, { 'x-client-request-id': 'one' });
    const calls = await sandbox.calls();
    expect(calls).toMatchObject([
      { request_id: 'one', model: 'gpt-4o', status: 200, parameters: ['model', 'messages', 'temperature'] },
    ]);
    expect(calls[0]!.header_names).toContain('x-client-request-id');
    expect(JSON.stringify(calls)).not.toContain('secret');
  });

  test('holds what never became a call', async ({ sandbox }) => {
    await sandbox.post(path, '{ broken');
    await sandbox.post(path, {});
    await sandbox.post(path, { ...body, model: 'no-such-model-7' });
    await sandbox.post(path, body, { authorization: '' });
    await fetch(`${sandbox.url}/v1/nowhere`, { headers: { 'x-api-key': 'any' } });
    expect((await sandbox.calls()).map(({ status, billed }) => [status, billed])).toEqual([
      [400, false],
      [400, false],
      [404, false],
      [401, false],
      [404, false],
    ]);
  });
});

describe('errors come in the envelope of the dialect', () => {
  test.for([
    ['401', path, body, { authorization: 'Bearer ' }, 401, { error: { code: 'invalid_api_key' } }],
    [
      '401',
      '/v1/messages',
      body,
      { authorization: '' },
      401,
      { type: 'error', error: { type: 'authentication_error' } },
    ],
    ['404', '/v1/nowhere', body, {}, 404, { error: { code: 'unknown_url' } }],
    ['404', '/v1/nowhere', body, { 'anthropic-version': '2023-06-01' }, 404, { error: { type: 'not_found_error' } }],
    [
      'no such model',
      path,
      { ...body, model: 'no-such-model' },
      {},
      404,
      { error: { code: 'model_not_found', param: 'model' } },
    ],
    ['no JSON', path, '{ broken', {}, 400, { error: { type: 'invalid_request_error' } }],
    ['no JSON', '/v1/messages', '{ broken', {}, 400, { error: { type: 'invalid_request_error' } }],
  ] as const)('%s at %s', async ([, at, given, headers, status, expected], { sandbox }) => {
    const response = await sandbox.post(at, given, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject(expected);
    expect(response.headers.get('x-request-id') ?? response.headers.get('request-id')).toMatch(/^req_/);
  });
});

test('GET /health', async ({ sandbox }) => {
  expect(await (await fetch(`${sandbox.url}/health`)).json()).toEqual({ status: 'ok' });
});

describe('what arrived with a call', () => {
  test('the values of steering headers, the end of each credential, and the body for whoever asks', async ({
    sandbox,
  }) => {
    await sandbox.post(
      path,
      { ...body, spice: { level: 3 } },
      {
        authorization: 'Bearer sk-one-1234',
        'x-api-key': 'sk-two-5678',
        'openai-organization': 'org-1',
        'anthropic-beta': 'a,b',
        'x-gateway-cache': 'on',
      },
    );
    const [call] = await sandbox.calls();
    expect(call).toMatchObject({
      parameters: ['model', 'messages', 'spice'],
      headers: { 'openai-organization': 'org-1', 'anthropic-beta': 'a,b' },
      credentials: { authorization: '1234', 'x-api-key': '5678' },
    });
    expect(call!.header_names).toContain('x-gateway-cache');
    expect(call).not.toHaveProperty('body');
    expect(await sandbox.calls('?bodies=true')).toMatchObject([{ body: { ...body, spice: { level: 3 } } }]);
    await sandbox.reset();
    expect(await sandbox.calls('?bodies=true')).toEqual([]);
  });
});
