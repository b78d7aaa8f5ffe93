import '@llm-gateway/testkit/provided-context';
import { models } from '@llm-gateway/shared/pricing/models';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl') });
});
afterAll(() => api?.close());

const anthropic = { 'anthropic-version': '2023-06-01' };

interface Model {
  id: string;
}
const idsOf = (body: { data: Model[] }) => body.data.map(({ id }) => id);

describe('GET /v1/models', () => {
  test('200 with one shape that three clients read', async () => {
    const response = await api.get('/v1/models');
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'cache-control': 'max-age=60',
      etag: expect.stringMatching(/^"[\w-]+"$/),
    });
    const body = response.json();
    expect(body).toMatchObject({ object: 'list', has_more: false });
    expect([body.first_id, body.last_id]).toEqual([body.data[0].id, body.data.at(-1).id]);
    expect(idsOf(body)).toEqual(models.map(({ id }) => id));
    expect(body.data.find(({ id }: Model) => id === 'openai/gpt-4o')).toEqual({
      id: 'openai/gpt-4o',
      object: 'model',
      type: 'model',
      created: Date.parse('2024-05-13') / 1000,
      created_at: '2024-05-13T00:00:00.000Z',
      owned_by: 'openai',
      display_name: 'GPT-4o',
      max_input_tokens: 128_000,
      max_tokens: 16_384,
      capabilities: null,
      lifecycle: 'active',
      deprecated_at: null,
      retires_at: null,
      line: null,
      aliases: expect.arrayContaining(['gpt-4o']),
      pricing: { input_per_1m_usd: 2.5, output_per_1m_usd: 10, cached_input_per_1m_usd: 1.25 },
      endpoints: ['generate', 'chat', 'responses', 'messages'],
    });
  });

  test('the list of the first version stands beside it', async () => {
    const { data, models: listed } = (await api.get('/v1/models')).json();
    expect(listed).toHaveLength(data.length);
    expect(listed[0]).toMatchObject({
      model: expect.any(String),
      cost_per_token: expect.any(Number),
      cost_per_1k_tokens: expect.any(Number),
    });
    expect(listed.find(({ id }: Model) => id === 'openai/gpt-4o')).toEqual({
      model: 'gpt-4o',
      id: 'openai/gpt-4o',
      cost_per_token: 0.0000025,
      cost_per_1k_tokens: 0.0025,
      input_cost_per_1k_tokens: 0.0025,
      output_cost_per_1k_tokens: 0.01,
      max_tokens: 16_384,
      supported_features: ['text-generation'],
    });
  });

  test('every entry has what each SDK demands', async () => {
    for (const model of (await api.get('/v1/models')).json().data) {
      expect(model).toMatchObject({
        object: 'model',
        type: 'model',
        owned_by: expect.any(String),
        display_name: expect.any(String),
      });
      expect(Number.isInteger(model.created)).toBe(true);
      expect(new Date(model.created * 1000).toISOString()).toBe(model.created_at);
    }
  });

  test('only models of lanes that workers serve', async () => {
    const one = await startTestApi({ redisUrl: inject('redisUrl'), lanes: ['anthropic'] });
    const ids = idsOf((await one.get('/v1/models')).json());
    expect(ids.length).toBeGreaterThan(0);
    expect(ids.every((id) => id.startsWith('anthropic/'))).toBe(true);
    expect((await one.get('/v1/models/gpt-4o')).statusCode).toBe(404);
    await one.close();
  });

  test('no worker yet: an empty list, not an error', async () => {
    const none = await startTestApi({ redisUrl: inject('redisUrl'), lanes: [] });
    expect((await none.get('/v1/models')).json()).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
      models: [],
    });
    await none.close();
  });
});

describe('paging', () => {
  test.for([
    ['forwards', 'after_id', 'last_id'],
    ['backwards', 'before_id', 'first_id'],
  ] as const)('%s visits every model once, and says when there are no more', async ([way, parameter, edge]) => {
    const all = models.map(({ id }) => id);
    const seen: string[] = [];
    let cursor = way === 'forwards' ? '' : `&before_id=${encodeURIComponent(all.at(-1) ?? '')}`;
    for (let more = true; more; ) {
      const body = (await api.get(`/v1/models?limit=7${cursor}`)).json();
      expect(body.data.length).toBeGreaterThan(0);
      seen.push(...(way === 'forwards' ? idsOf(body) : idsOf(body).reverse()));
      cursor = `&${parameter}=${encodeURIComponent(body[edge])}`;
      more = body.has_more;
    }
    expect(seen).toEqual(way === 'forwards' ? all : all.slice(0, -1).reverse());
  });

  test('Anthropic clients get pages of twenty, OpenAI clients everything', async () => {
    const page = (await api.get('/v1/models', anthropic)).json();
    expect(page.data).toHaveLength(20);
    expect(page.has_more).toBe(true);
    expect((await api.get('/v1/models')).json().data).toHaveLength(models.length);
  });

  test.for([
    ['limit=0', 'limit', 'must be >= 1'],
    ['limit=1001', 'limit', 'must be <= 1000'],
    ['limit=x', 'limit', 'must be a number'],
    ['after_id=nobody', 'after_id', '"nobody" is not in the list'],
    ['before_id=nobody', 'before_id', '"nobody" is not in the list'],
  ] as const)('400 for %s, in both dialects', async ([query, param, rule]) => {
    const openai = await api.get(`/v1/models?${query}`);
    expect(openai.statusCode).toBe(400);
    expect(openai.json()).toEqual({
      error: { message: `${param}: ${rule}`, type: 'invalid_request_error', param, code: null },
    });
    const other = await api.get(`/v1/models?${query}`, anthropic);
    expect(other.statusCode).toBe(400);
    expect(other.json()).toEqual({
      type: 'error',
      error: { type: 'invalid_request_error', message: `${param}: ${rule}` },
      request_id: other.headers['request-id'],
    });
  });
});

describe('GET /v1/models/{id}', () => {
  test.for([
    ['/v1/models/openai%2Fgpt-4o'],
    ['/v1/models/openai/gpt-4o'],
    ['/v1/models/gpt-4o'],
    ['/v1/models/gpt-4o-2024-08-06'],
  ] as const)('200 for %s', async ([path]) => {
    const response = await api.get(path);
    expect(response.statusCode).toBe(200);
    const listed = (await api.get('/v1/models')).json().data.find(({ id }: Model) => id === 'openai/gpt-4o');
    expect(response.json()).toEqual(listed);
  });

  test.for(['gpt-99', 'openai%2Fgpt-4o:free', 'x/y/z', '', '%00'] as const)(
    '404 for "%s", in both dialects',
    async (id) => {
      const openai = await api.get(`/v1/models/${id}`);
      expect(openai.statusCode).toBe(404);
      expect(openai.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(openai.json().error).toMatchObject({
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
      });
      const other = await api.get(`/v1/models/${id}`, anthropic);
      expect(other.statusCode).toBe(404);
      expect(other.json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
    },
  );
});

describe('304', () => {
  test('for a list that the client has already', async () => {
    const { etag } = (await api.get('/v1/models')).headers;
    const response = await api.get('/v1/models', { 'if-none-match': String(etag) });
    expect([response.statusCode, response.body]).toEqual([304, '']);
    expect(response.headers['content-length']).toBeUndefined();
    expect(response.headers['cache-control']).toBe('max-age=60');
  });

  test('not for another page', async () => {
    const { etag } = (await api.get('/v1/models')).headers;
    expect((await api.get('/v1/models?limit=2', { 'if-none-match': String(etag) })).statusCode).toBe(200);
  });
});
