import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeKey } from '../../test/make-key.ts';
import { answered } from '../../test/settle-by-hand.ts';
import { adminKey, startTestApi, type TestApi, type Traces } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { BODY_LIMIT_BYTES: '3000000' } });
});
afterAll(() => api?.close());

const ask = (more: object = {}) => ({ prompt: `refused ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1', ...more });

/** Lists within lists within an object: so many levels in all. */
const nested = (levels: number) => ({ a: JSON.parse('['.repeat(levels - 1) + ']'.repeat(levels - 1)) });

/** What every refusal of a native route shows, whatever it is about. */
function expectProblem(response: Awaited<ReturnType<TestApi['generate']>>, status: number, code: string): void {
  expect(response.statusCode).toBe(status);
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const body = response.json();
  expect(body).toMatchObject({
    type: `urn:llm-gateway:problem:${code.replaceAll('_', '-')}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    request_id: response.headers['x-request-id'],
    code,
    error: { message: body.detail, code },
  });
}

async function unchanged(user: string, refuse: () => Promise<void>): Promise<void> {
  const before: Traces = await api.traces(user);
  await refuse();
  expect(await api.traces(user)).toEqual(before);
}

describe('400', () => {
  test.for([
    ['broken JSON', '{"prompt": "x",', 'not valid JSON'],
    ['a bare word', 'hello', 'not valid JSON'],
    ['no JSON at all', '', 'empty'],
    ['__proto__', '{"prompt":"x","model":"gpt-4o","user_id":"u1","__proto__":{"admin":true}}', '__proto__'],
    [
      'constructor.prototype',
      '{"prompt":"x","model":"gpt-4o","user_id":"u1","constructor":{"prototype":{"a":1}}}',
      'JSON',
    ],
  ] as const)('%s', async ([, payload, hint]) => {
    await unchanged('u1', async () => {
      const response = await api.generate(payload);
      expectProblem(response, 400, 'malformed_request');
      expect(response.json().detail).toContain(hint);
    });
  });
});

describe('413', () => {
  test('a body beyond the limit', async () => {
    await unchanged('u1', async () => {
      const response = await api.generate(ask({ prompt: 'x'.repeat(3_000_001) }));
      expectProblem(response, 413, 'too_large');
    });
  });
});

describe('415', () => {
  test.for([
    ['application/x-www-form-urlencoded', 'prompt=x&model=gpt-4o&user_id=u1'],
    ['text/plain', JSON.stringify(ask())],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/xml', '<a/>'],
  ] as const)('%s', async ([type, payload]) => {
    await unchanged('u1', async () => {
      const response = await api.generate(payload, { 'content-type': type });
      expectProblem(response, 415, 'unsupported_media_type');
      expect(response.json().detail).toContain('content-type: application/json');
    });
  });
});

const claude = { model: 'claude-3-5-sonnet' };

describe('422', () => {
  test.for([
    ['prompt', { prompt: undefined }, '/prompt', 'is required'],
    ['prompt', { prompt: 5 }, '/prompt', 'must be a string'],
    ['prompt', { prompt: '' }, '/prompt', 'must not be empty'],
    ['prompt', { prompt: ' \n\t\u3000' }, '/prompt', 'must not be blank'],
    ['prompt', { prompt: 'x'.repeat(2_000_000) }, '/prompt', 'must be at most 1,000,000 characters'],
    ['model', { model: undefined }, '/model', 'is required'],
    ['model', { model: '' }, '/model', 'must have at least 1 character'],
    ['model', { model: 'gpt-99' }, '/model', '"gpt-99" is not known; GET /v1/models lists the models'],
    ['model', { model: 'openai/モデル' }, '/model', '"openai/モデル" is not known; GET /v1/models lists the models'],
    ['model', { model: 'x'.repeat(257) }, '/model', 'must have at most 256 characters'],
    [
      'model',
      { model: 'text-embedding-3-small' },
      '/model',
      'text-embedding-3-small makes embeddings, it cannot generate text',
    ],
    ['user_id', { user_id: undefined }, '/user_id', 'is required'],
    ['user_id', { user_id: '' }, '/user_id', 'must have at least 1 character'],
    ['user_id', { user_id: 'x'.repeat(129) }, '/user_id', 'must have at most 128 characters'],
    ['user_id', { user_id: 7 }, '/user_id', 'must be a string'],
    ['temperature', { temperature: 3 }, '/temperature', 'must be <= 2'],
    ['temperature', { temperature: -0.1 }, '/temperature', 'must be >= 0'],
    ['temperature', { temperature: '1' }, '/temperature', 'must be a number'],
    ['temperature on Claude', { ...claude, temperature: 1.5 }, '/temperature', 'must be <= 1 for Claude models'],
    ['max_tokens', { max_tokens: 0 }, '/max_tokens', 'must be >= 1'],
    ['max_tokens', { max_tokens: 1.5 }, '/max_tokens', 'must be a whole number'],
    ['max_tokens', { max_tokens: 999_999 }, '/max_tokens', 'must be <= 16384 for gpt-4o'],
    ['user_id', { user_id: 'half a \ud83d' }, '/user_id', 'must be well-formed Unicode'],
    ['request_id', { request_id: 'half a \ud83d' }, '/request_id', 'must be well-formed Unicode'],
    ['request_id', { request_id: '' }, '/request_id', 'must have at least 1 character'],
    ['request_id', { request_id: 'x'.repeat(129) }, '/request_id', 'must have at most 128 characters'],
    ['top_p', { top_p: 1.1 }, '/top_p', 'must be <= 1'],
    ['stop', { stop: 5 }, '/stop', 'must be a string or a list of 1 to 4 strings'],
    ['stop', { stop: ['a', 'b', 'c', 'd', 'e'] }, '/stop', 'must be a string or a list of 1 to 4 strings'],
    ['stop', { stop: [] }, '/stop', 'must have at least 1 item'],
    ['stop', { stop: 'x'.repeat(1001) }, '/stop', 'must have at most 1000 characters'],
    [
      'response_format',
      { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: nested(101) } } },
      '/response_format/json_schema/schema',
      'must not be nested deeper than 100 levels',
    ],
    ['system', { system: {} }, '/system', 'must be a string'],
    ['seed', { seed: 0.5 }, '/seed', 'must be a whole number'],
    ['seed on Claude', { ...claude, seed: 1 }, '/seed', 'is not supported by Claude models'],
    [
      'response_format',
      { response_format: { type: 'yaml' } },
      '/response_format/type',
      'must be one of "text", "json_object", "json_schema"',
    ],
    ['response_format', { response_format: { type: 'json_schema' } }, '/response_format/json_schema', 'is required'],
    [
      'response_format on Claude',
      { ...claude, response_format: { type: 'json_object' } },
      '/response_format',
      'must not be json_object for Claude models: ask for a json_schema',
    ],
    ['metadata', { metadata: { a: 1 } }, '/metadata/a', 'must be a string'],
    ['metadata', { metadata: { 'a/b~c': 1 } }, '/metadata/a~1b~0c', 'must be a string'],
    [
      'metadata',
      { metadata: { ['k'.repeat(65)]: 'v' } },
      `/metadata/${'k'.repeat(65)}`,
      'as a name must have at most 64 characters',
    ],
    ['metadata', { metadata: { a: 'v'.repeat(513) } }, '/metadata/a', 'must have at most 512 characters'],
    [
      'metadata',
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v'])) },
      '/metadata',
      'must have at most 16 pairs',
    ],
    ['stream', { stream: 'yes' }, '/stream', 'must be true or false'],
    ['webhook', { webhook: 5 }, '/webhook', 'must be a URL or an object with one'],
    ['webhook', { webhook: 'example.com' }, '/webhook', 'must be an http(s) URL'],
    [
      'webhook',
      { webhook: { url: 'https://example.com/x', events: [] } },
      '/webhook/events',
      'must have at least 1 item',
    ],
    [
      'webhook',
      { webhook: { url: 'https://example.com/x', include: ['prompt'] } },
      '/webhook/include/0',
      'must be "result"',
    ],
    ['webhook', { webhook: { events: ['job.failed'] } }, '/webhook/url', 'must be an http(s) URL'],
    ['stop', { stop: ['a', ''] }, '/stop/1', 'must have at least 1 character'],
    ['gateway', { gateway: 'x' }, '/gateway', 'must be an object'],
    ['gateway.cache.ttl', { gateway: { cache: { ttl: -1 } } }, '/gateway/cache/ttl', 'must be >= 0'],
    ['gateway.cache.mode', { gateway: { cache: { mode: 'x' } } }, '/gateway/cache/mode', 'must be one of "on", "off"'],
    [
      'gateway.cache.namespace',
      { gateway: { cache: { namespace: 'a b' } } },
      '/gateway/cache/namespace',
      'must be 1 to 128 visible ASCII characters',
    ],
    ['gateway.webhook', { gateway: { webhook: 'x' } }, '/gateway/webhook', 'must be an http(s) URL'],
    ['gateway.priority', { gateway: { priority: 11 } }, '/gateway/priority', 'must be <= 10'],
    ['gateway.deadline_s', { gateway: { deadline_s: 0 } }, '/gateway/deadline_s', 'must be >= 1'],
    ['gateway.metadata', { gateway: { metadata: { a: 1 } } }, '/gateway/metadata/a', 'must be a string'],
    [
      'gateway.on_disconnect',
      { gateway: { on_disconnect: 'wait' } },
      '/gateway/on_disconnect',
      'must be one of "continue", "cancel"',
    ],
  ] as [string, object, string, string][])('$0: $2 $3', async ([, more, pointer, detail]) => {
    const body = ask(more);
    await unchanged('u1', async () => {
      const response = await api.generate(body);
      expectProblem(response, 422, 'invalid_request');
      expect(response.json().errors).toEqual([{ pointer, detail }]);
      expect(response.json().detail).toBe(`${pointer}: ${detail}`);
      expect(response.headers['x-should-retry']).toBe('false');
    });
  });

  test("error.param is spelled as OpenAI's clients know it", async () => {
    const nested = await api.generate(ask({ gateway: { cache: { ttl: -1 } } }));
    expect(nested.json().error).toMatchObject({ type: 'invalid_request_error', param: 'gateway.cache.ttl' });
    const escaped = await api.generate(ask({ metadata: { 'a/b~c': 1 } }));
    expect(escaped.json().error.param).toBe('metadata.a/b~c');
  });

  test('an answer does not grow with the faults, nor with the names that were sent', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`name ${index}`, 1]));
    const many = await api.generate(ask({ metadata }));
    expectProblem(many, 422, 'invalid_request');
    expect(many.json().errors).toHaveLength(20);
    const long = await api.generate(ask({ metadata: { ['long'.repeat(100_000)]: 'x' } }));
    expectProblem(long, 422, 'invalid_request');
    expect(long.body.length).toBeLessThan(2000);
  });

  test('every fault is named, not only the first', async () => {
    const response = await api.generate({ temperature: 9, stream: 'yes' });
    const pointers = response.json().errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers).toEqual(['/prompt', '/model', '/temperature', '/stream']);
  });

  test.for([['[]'], ['"text"'], ['null'], ['5']] as const)('a body of %s', async ([payload]) => {
    const response = await api.generate(payload);
    expectProblem(response, 422, 'invalid_request');
    expect(response.json().errors).toEqual([{ pointer: '', detail: 'must be an object' }]);
    expect(response.json().detail).toBe('body: must be an object');
  });

  test('no body and no content type', async () => {
    const response = await api.inject({ method: 'POST', url: '/v1/generate' });
    expectProblem(response, 422, 'invalid_request');
    expect(response.json().detail).toBe('body: must be an object');
  });

  test.for([
    ['idempotency-key', 'two words'],
    ['idempotency-key', 'x'.repeat(256)],
    ['x-gateway-webhook', 'example.com'],
    ['x-gateway-priority', '11'],
    ['x-gateway-deadline', '0'],
    ['x-gateway-start-deadline', 'soon'],
    ['x-gateway-on-disconnect', 'wait'],
    ['x-gateway-cache', 'maybe'],
    ['x-gateway-cache-ttl', 'soon'],
    ['x-gateway-cache-namespace', 'a b'],
    ['x-user-id', 'x'.repeat(129)],
  ] as const)('the header %s: %s', async ([name, value]) => {
    await unchanged('u1', async () => {
      const response = await api.generate(ask(), { [name]: value });
      expectProblem(response, 400, 'malformed_request');
      expect(response.json().errors).toEqual([{ pointer: name, detail: expect.any(String) }]);
      expect(response.json().error.param).toBe(name);
    });
  });

  test('a lane that no worker has announced', async () => {
    const lonely = await startTestApi({ redisUrl: inject('redisUrl'), lanes: ['openai'] });
    const response = await lonely.generate(ask(claude));
    expectProblem(response, 422, 'invalid_request');
    expect(response.json().detail).toContain('no worker serves anthropic');
    await lonely.close();
  });
});

describe('402', () => {
  test('by a budget that has no room: what the limits have left is told, and not counted', async () => {
    const { headers } = await makeKey(api, {
      limits: { requests_per_minute: 3, tokens_per_minute: 1000 },
      budgets: [{ period: 'day', limit_usd: '0.000001' }],
    });
    const response = await api.generate({ prompt: 'dear', model: 'gpt-4o', max_tokens: 10 }, headers);
    expectProblem(response, 402, 'budget_exceeded');
    expect(response.headers).toMatchObject({
      'x-should-retry': 'false',
      'ratelimit-policy': expect.stringContaining('"key-minute";q=3;w=60'),
      ratelimit: expect.stringContaining('"key-minute";r=3;'),
      'x-ratelimit-remaining-requests': '3',
      'x-ratelimit-remaining-tokens': '1000',
    });
    expect(response.headers).not.toHaveProperty('retry-after');
  });

  test('not by a budget but for the model, where nobody knows what the answer may cost', async () => {
    const { headers } = await makeKey(api, { budgets: [{ period: 'day', limit_usd: 1 }] });
    const response = await api.generate({ prompt: 'x', model: 'openai/gpt-unheard-of', max_tokens: 10 }, headers);
    expectProblem(response, 422, 'invalid_request');
    expect(response.json().errors).toMatchObject([{ pointer: '/model' }]);
  });
});

describe('429', () => {
  test('the eleventh distinct request within a minute, and nothing is left of it', async () => {
    const user = randomUUID();
    api.answers = () => answered('x');
    for (let count = 1; count <= 10; count += 1) {
      const response = await api.generate(ask({ user_id: user }));
      expect(response.statusCode).toBe(200);
      expect(response.headers).toMatchObject({
        'ratelimit-policy': '"minute";q=10;w=60, "hour";q=100;w=3600',
        ratelimit: expect.stringMatching(
          new RegExp(`^"minute";r=${10 - count};t=\\d+, "hour";r=${100 - count};t=\\d+$`),
        ),
        'x-ratelimit-limit-requests': '10',
        'x-ratelimit-remaining-requests': String(10 - count),
        'x-ratelimit-reset-requests': expect.stringMatching(/s$/),
      });
    }
    await unchanged(user, async () => {
      const refused = await api.generate(ask({ user_id: user }));
      expectProblem(refused, 429, 'rate_limited');
      expect(refused.json()).toMatchObject({ retryable: true, error: { type: 'rate_limit_exceeded' } });
      expect(refused.json().detail).toContain('10 requests per minute');
      expect(refused.headers).toMatchObject({
        'x-ratelimit-remaining-requests': '0',
        ratelimit: expect.stringContaining('"minute";r=0;'),
      });
      const [seconds, microseconds] = await api.redis.time();
      const log = api.deps.keys.limit(`user:default:${user}`, 'requests-log-60000');
      const [oldest = ''] = await api.redis.zrange(log, '0', '0');
      const oldestUs = await api.redis.zscore(log, oldest);
      const trueMs = (Number(oldestUs) - (Number(seconds) * 1e6 + Number(microseconds))) / 1000 + 60_000;
      const toldMs = Number(refused.headers['retry-after-ms']);
      expect(toldMs).toBeGreaterThanOrEqual(trueMs);
      expect(toldMs).toBeLessThan(trueMs + 1000);
      expect(Number(refused.headers['retry-after'])).toBe(Math.ceil(toldMs / 1000));
    });
  });

  test('what comes from the cache or attaches to a job costs nothing, even when nothing is left', async () => {
    const user = randomUUID();
    api.answers = undefined;
    const running = ask({ user_id: user });
    await api.generate(running, { prefer: 'wait=0' });
    const id = api.accepted.at(-1);
    api.answers = () => answered('x');
    const body = ask({ user_id: user });
    for (let count = 0; count < 9; count += 1) await api.generate({ ...body, seed: count });
    expect((await api.generate(ask({ user_id: user }))).statusCode).toBe(429);
    await unchanged(user, async () => {
      const hit = await api.generate({ ...body, seed: 1 });
      expect(hit.json().cached).toBe(true);
      expect(hit.headers['x-ratelimit-remaining-requests']).toBe('0');
      const attached = await api.generate(running, { prefer: 'wait=0', 'x-stainless-retry-count': '1' });
      expect([attached.statusCode, attached.headers['x-job-id']]).toEqual([504, id]);
    });
  });

  test('one user does not use up what another one has', async () => {
    const user = randomUUID();
    api.answers = () => answered('x');
    for (let count = 0; count < 11; count += 1) await api.generate(ask({ user_id: user }));
    expect((await api.generate(ask({ user_id: `${user}2` }))).statusCode).toBe(200);
  });

  test('beyond a minute the SDKs are told not to sleep it through', async () => {
    const hourly = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_HOUR: '1' } });
    hourly.answers = () => answered('x');
    await hourly.generate(ask());
    const refused = await hourly.generate(ask());
    expectProblem(refused, 429, 'rate_limited');
    expect(refused.headers['x-should-retry']).toBe('false');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(3500);
    await hourly.close();
  });
});

describe('503', () => {
  test('lane_full beyond the depth, costing no quota; other lanes go on', async () => {
    const full = await startTestApi({ redisUrl: inject('redisUrl'), environment: { LANE_DEPTH_MAX: '1' } });
    await full.generate(ask(), { prefer: 'respond-async' });
    await waitFor(async () => (await full.deps.admission.board.counts('openai')).waiting === 1, {
      what: 'the board shows it',
    });
    const before = await full.traces('u1');
    const response = await full.generate(ask());
    expectProblem(response, 503, 'lane_full');
    expect(response.json().retryable).toBe(true);
    expect(response.headers['retry-after']).toBe('5');
    expect(await full.traces('u1')).toEqual(before);
    expect((await full.generate(ask(claude), { prefer: 'respond-async' })).statusCode).toBe(202);
    await full.close();
  });
});

describe('401 and the admin key, where requests need a key', () => {
  let keyed: TestApi;
  beforeAll(async () => {
    keyed = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
    keyed.answers = () => answered('x');
  });
  afterAll(() => keyed?.close());

  test.for([
    ['no key', {}, 'An API key is required'],
    ['an unknown key', { authorization: 'Bearer wrong' }, 'not known'],
    ['another scheme', { authorization: `Basic ${adminKey}` }, 'An API key is required'],
    ['an unknown x-api-key', { 'x-api-key': 'wrong' }, 'not known'],
    ['a key cut short', { 'x-api-key': adminKey.slice(0, -1) }, 'not known'],
  ] as [string, Record<string, string>, string][])('%s', async ([, headers, hint]) => {
    const before = await keyed.traces('u1');
    const response = await keyed.generate(ask(), headers);
    expectProblem(response, 401, 'unauthenticated');
    expect(response.json().detail).toContain(hint);
    expect(response.json().error.type).toBe('authentication_error');
    expect(response.payload).not.toContain(adminKey.slice(0, 10));
    expect(await keyed.traces('u1')).toEqual(before);
  });

  test('a body is not even read before the key', async () => {
    const response = await keyed.generate('{broken');
    expectProblem(response, 401, 'unauthenticated');
  });

  test.for([
    ['Bearer', { authorization: `Bearer ${adminKey}` }],
    ['bearer', { authorization: `bearer  ${adminKey}` }],
    ['x-api-key', { 'x-api-key': adminKey }],
    ['api-key', { 'api-key': adminKey }],
  ] as [string, Record<string, string>][])(
    'the key as %s is accepted, and may leave the user out',
    async ([, headers]) => {
      const { user_id: _, ...body } = ask();
      const response = await keyed.generate(body, headers);
      expect(response.statusCode).toBe(200);
      expect(await keyed.redis.hget(keyed.deps.keys.job(response.json().job_id), 'user')).toBe('admin');
    },
  );
});
