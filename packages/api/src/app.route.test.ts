import '@llm-gateway/testkit/provided-context';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { adminKey, startTestApi, type TestApi } from './test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl') });
});
afterAll(() => api?.close());

const anthropic = { 'anthropic-version': '2023-06-01' };
const send = (method: string, url: string, headers: Record<string, string> = {}) =>
  api.inject({ method: method as 'GET', url, headers });

describe('404 in the dialect of the path', () => {
  test.for(['/nothing', '/v1/jobs/job_1/nothing', '/v1/generate/x', '/admin/nothing'])('native: %s', async (path) => {
    const response = await send('GET', path);
    expect(response.statusCode).toBe(404);
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(response.json()).toMatchObject({
      status: 404,
      code: 'unknown_url',
      detail: `Unknown request URL: GET ${path}`,
    });
  });

  test.for(['/v1/foo', '/v1/chat/unknown', '/v1/responses/resp_1/unknown', '/v1/moderations'])(
    'OpenAI: %s',
    async (path) => {
      const response = await send('POST', `${path}?a=b`);
      expect(response.statusCode).toBe(404);
      expect(response.json()).toEqual({
        error: {
          message: `Unknown request URL: POST ${path}`,
          type: 'invalid_request_error',
          param: null,
          code: 'unknown_url',
        },
      });
    },
  );

  test.for([
    ['/v1/messages/nothing', {}],
    ['/v1/foo', anthropic],
  ] as [string, Record<string, string>][])('Anthropic: %s', async ([path, headers]) => {
    const response = await send('POST', path, headers);
    expect(response.statusCode).toBe(404);
    expect(response.json()).toEqual({
      type: 'error',
      error: { type: 'not_found_error', message: `Unknown request URL: POST ${path}` },
      request_id: response.headers['request-id'],
    });
  });
});

test.for([
  ['/v1/v1/messages', {}],
  ['/v1/v1/messages/count_tokens', {}],
  ['/v1/v1/models', anthropic],
] as [string, Record<string, string>][])(
  '%s has the version twice, and its answer says so',
  async ([path, headers]) => {
    const response = await send('POST', path, headers);
    expect(response.statusCode).toBe(404);
    expect(response.json()).toEqual({
      type: 'error',
      error: { type: 'not_found_error', message: expect.stringContaining('leave /v1 out of the base URL') },
      request_id: response.headers['request-id'],
    });
  },
);

test.for(['openai', 'anthropic'])(
  '/%s is no part of a path, as it is with other gateways, and the answer says so',
  async (vendor) => {
    const response = await send('POST', `/${vendor}/v1/messages`);
    expect(response.statusCode).toBe(404);
    expect(response.json().error.message).toContain(`leave /${vendor} out of the base URL`);
  },
);

test('what is for one key is for no cache on the way', async () => {
  for (const path of ['/v1/jobs', '/v1/jobs/job_no', '/v1/responses/resp_no', '/v1/chat/completions', '/v1/usage/u1']) {
    expect([path, (await send('GET', path)).headers['cache-control']]).toEqual([path, 'private, no-cache']);
  }
  expect((await send('POST', '/v1/generate')).headers['cache-control']).toBe('no-store');
  const models = await send('GET', '/v1/models');
  expect(models.headers).toMatchObject({ 'cache-control': 'max-age=60', vary: 'anthropic-version' });
});

describe('405 says what is offered', () => {
  test.for([
    ['GET', '/v1/generate', 'POST'],
    ['PUT', '/v1/generate', 'POST'],
    ['PUT', '/v1/jobs', 'GET, HEAD, POST'],
    ['POST', '/v1/jobs/job_1', 'DELETE, GET, HEAD'],
    ['GET', '/v1/jobs/job_1/cancel', 'POST'],
    ['POST', '/v1/jobs/job_1/result', 'GET, HEAD'],
    ['DELETE', '/v1/models', 'GET, HEAD'],
    ['DELETE', '/v1/models/openai/gpt-4o', 'GET, HEAD'],
    ['POST', '/v1/usage/u1', 'GET, HEAD'],
    ['GET', '/v1/cache/clear', 'DELETE'],
    ['POST', '/health', 'GET, HEAD'],
    ['PATCH', '/admin/login', 'GET, HEAD, POST'],
    ['GET', '/admin/logout', 'POST'],
  ] as const)('%s %s', async ([method, path, allow]) => {
    const response = await send(method, path);
    expect(response.statusCode).toBe(405);
    expect(response.headers.allow).toBe(allow);
    const message = response.json().detail ?? response.json().error.message;
    expect(message).toBe(`${method} is not offered at ${path}; use ${allow.replaceAll(', ', ' or ')}.`);
  });

  test('in the dialect of the path', async () => {
    expect((await send('DELETE', '/v1/models')).json().error.code).toBe('method_not_allowed');
    expect((await send('DELETE', '/v1/models', anthropic)).json().error.type).toBe('invalid_request_error');
  });
});

test.for([
  '/',
  '/health',
  '/v1/health',
  '/ready',
  '/v1/models',
  '/v1/models/gpt-4o',
  '/v1/usage/u1',
  '/v1/rate-limit/u1',
  '/v1/cache/stats',
  '/openapi.json',
])('HEAD %s answers as GET does, without the body', async (path) => {
  const [got, head] = [await send('GET', path), await send('HEAD', path)];
  expect(head.statusCode).toBe(got.statusCode);
  expect(head.body).toBe('');
  expect(head.headers['content-type']).toBe(got.headers['content-type']);
});

describe('request ids', () => {
  test.for([
    ['x-request-id', 'mine-1'],
    ['x-client-request-id', 'theirs~2'],
    ['x-request-id', 'x'.repeat(128)],
  ] as const)('%s is echoed under both names: %s', async ([name, id]) => {
    const { headers } = await send('GET', '/health', { [name]: id });
    expect(headers).toMatchObject({ 'x-request-id': id, 'request-id': id });
  });

  test.for([['x'.repeat(129)], ['with space'], ['tab\there'], ['umlaut-ü'], ['']] as const)(
    '%o is replaced',
    async ([id]) => {
      const { headers } = await send('GET', '/health', { 'x-request-id': id });
      expect(headers['x-request-id']).toMatch(/^req_[0-9A-Z]{26}$/);
      expect(headers['request-id']).toBe(headers['x-request-id']);
    },
  );

  test('no two are the same', async () => {
    const ids = new Set<unknown>();
    for (let count = 0; count < 50; count += 1) ids.add((await send('GET', '/health')).headers['x-request-id']);
    expect(ids.size).toBe(50);
  });
});

describe('every answer has its id and its time', () => {
  test.for([
    [200, 'GET', '/health', {}],
    [200, 'GET', '/openapi.json', {}],
    [200, 'GET', '/admin/queues', { authorization: `Bearer ${adminKey}` }],
    [304, 'GET', '/v1/models', { 'if-none-match': '*' }],
    [302, 'GET', '/admin/queues', { accept: 'text/html' }],
    [400, 'GET', '/v1/models?limit=x', {}],
    [400, 'GET', '/v1/jobs/%E0%A4%A', {}],
    [401, 'GET', '/metrics', {}],
    [404, 'GET', '/nothing', {}],
    [400, 'POST', '/v1/messages', {}],
    [404, 'POST', '/v1/messages/nothing', {}],
    [405, 'DELETE', '/v1/models', {}],
    [415, 'POST', '/v1/generate', { 'content-type': 'text/csv' }],
    [422, 'POST', '/v1/generate', {}],
  ] as [number, string, string, Record<string, string>][])('%i %s %s', async ([status, method, path, headers]) => {
    const payload = headers['content-type'] === undefined ? {} : { payload: 'x' };
    const response = await api.inject({ method: method as 'GET', url: path, headers, ...payload });
    expect(response.statusCode).toBe(status);
    expect(response.headers['x-request-id']).toMatch(/^req_/);
    expect(response.headers['request-id']).toBe(response.headers['x-request-id']);
    expect(response.headers['x-process-time']).toMatch(/^\d+\.\d{6}$/);
    expect(response.headers['x-content-type-options']).toBe('nosniff');
  });
});

describe('what is no URL', () => {
  test.for([
    ['/v1/jobs/%E0%A4%A', {}, 'detail'],
    ['/v1/models/%', {}, 'error'],
    ['/v1/models/%', anthropic, 'type'],
    [`/v1/usage/${'x'.repeat(600)}`, {}, 'detail'],
  ] as [string, Record<string, string>, string][])(
    '$0 is 400 in the dialect of the path',
    async ([path, headers, member]) => {
      const response = await send('GET', path, headers);
      expect(response.statusCode).toBe(400);
      expect(response.json()).toHaveProperty(member);
      expect(response.body).not.toContain('FST_');
    },
  );
});

test('what is no HTTP is told so and cut off, and the server lives on', async () => {
  const url = new URL(await api.app.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(url.port), url.hostname);
  socket.end('NONSENSE\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += chunk;
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect((await fetch(`${url.origin}/health`)).status).toBe(200);
});

test('a bug of ours tells nothing of itself', async () => {
  const broken = await startTestApi({ redisUrl: inject('redisUrl') });
  broken.deps.jobs.get = () => Promise.reject(new TypeError('secret internals at /src/x.ts'));
  const response = await broken.get('/v1/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV');
  expect(response.statusCode).toBe(500);
  expect(response.json()).toMatchObject({ code: 'internal', detail: 'Something went wrong on our side.' });
  expect(response.body).not.toContain('secret');
  await broken.close();
});
