import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { answered, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';
import { createTestClient } from './test-client.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
});
afterAll(() => api?.close());
beforeEach(() => {
  api.answers = undefined;
});

const path = '/v1/chat/completions';
const ask = (more: object = {}) => ({
  model: 'gpt-4o',
  messages: [{ role: 'user', content: `hello ${randomUUID()}` }],
  ...more,
});
const post = (body: object, headers: Record<string, string> = {}, url = path) =>
  api.inject({ method: 'POST', url, payload: body, headers: { 'content-type': 'application/json', ...headers } });
const chatIdOf = (jobId = '') => `chatcmpl-${jobId.slice(4)}`;

const client = () => createTestClient(api);

const nativeBody = {
  id: 'chatcmpl-of-the-provider',
  object: 'chat.completion',
  created: 1763891160,
  model: 'gpt-4o-2024-11-20',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'Hi.', refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
  x_new: { of: 'tomorrow' },
};
const native = (body: Record<string, unknown> = nativeBody) => answered('Hi.', { native: { api: 'chat', body } });

describe('200', () => {
  test("is the provider's own object under our id", async () => {
    api.answers = () => native();
    const response = await post(ask());
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ ...nativeBody, id: chatIdOf(api.accepted.at(-1)) });
    expect(response.headers).toMatchObject({
      'x-job-id': api.accepted.at(-1),
      'x-gateway-model': 'openai/gpt-4o',
      'x-ratelimit-limit-requests': expect.any(String),
      'cache-status': 'gateway; fwd=bypass',
    });
  });

  test('is made of what a provider of another dialect said', async () => {
    api.answers = () =>
      answered('Let me see.', {
        parts: [
          { type: 'reasoning', text: 'hm' },
          { type: 'text', text: 'Let me see.' },
          { type: 'tool-call', id: 'toolu_1', name: 'look', arguments: '' },
        ],
        finishReason: { unified: 'tool_calls', raw: 'tool_use' },
        usage: { promptTokens: 11, completionTokens: 7, totalTokens: 18, cachedPromptTokens: 4, reasoningTokens: 2 },
        providerModel: 'claude-sonnet-4-5-20250929',
      });
    const response = await client().chat.completions.create({ ...ask({ model: 'claude-sonnet-4-5' }) } as never);
    expect(response).toEqual({
      id: chatIdOf(api.accepted.at(-1)),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'claude-sonnet-4-5-20250929',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'Let me see.',
            refusal: null,
            annotations: [],
            tool_calls: [{ id: 'toolu_1', type: 'function', function: { name: 'look', arguments: '{}' } }],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: {
        prompt_tokens: 11,
        completion_tokens: 7,
        total_tokens: 18,
        prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 2,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
      service_tier: null,
      system_fingerprint: null,
    });
  });

  test('equal requests share an answer only where its client asks for it, or where nothing is left to chance', async () => {
    const kept = async (more: object, headers = {}) => {
      api.answers = () => native();
      const body = ask(more);
      await post(body, headers);
      const again = await post(body, headers);
      return String(again.headers['cache-status']).startsWith('gateway; hit');
    };
    expect(await kept({})).toBe(false);
    expect(await kept({ temperature: 0 })).toBe(true);
    expect(await kept({}, { 'x-gateway-cache': 'on' })).toBe(true);
    expect(await kept({ gateway: { cache: { mode: 'on' } } })).toBe(true);
    expect(await kept({ temperature: 0, n: 2 })).toBe(false);
    expect(await kept({ temperature: 0, store: true }, { 'x-gateway-cache': 'on' })).toBe(false);
  });
});

describe('what goes to the provider', () => {
  test('is the body with all that is in it but what concerns the gateway and the way of the answer', async () => {
    const body = ask({
      x_unknown: { deep: [null] },
      tools: null,
      max_tokens: 0,
      stream: false,
      stream_options: null,
      gateway: { priority: 2 },
      user: 'somebody',
    });
    await post(body, { prefer: 'respond-async' });
    const { record } = await api.deps.jobs.get({ tenantId: 'default' }, api.accepted.at(-1) ?? '');
    const { max_tokens: _1, stream: _2, stream_options: _3, gateway: _4, ...sent } = body as Record<string, unknown>;
    expect(record.generation.native).toEqual({ api: 'chat', body: sent });
    expect(record).toMatchObject({ user: 'somebody', priority: 2, endpoint: path });
  });
});

describe('refusals', () => {
  test.for([
    [{ model: undefined }, 'model', /is required/],
    [{ messages: [] }, 'messages', /at least 1 item/],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content', /is required/],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id', /is required/],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      'messages[0].content[0].image_url',
      /is required/,
    ],
    [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content', /a string or a list of parts/],
    [{ temperature: 2.1 }, 'temperature', /<= 2/],
    [{ top_p: -1 }, 'top_p', />= 0/],
    [{ n: 0 }, 'n', />= 1/],
    [{ n: 129 }, 'n', /<= 128/],
    [{ max_completion_tokens: -1 }, 'max_completion_tokens', />= 0/],
    [{ max_tokens: 1.5 }, 'max_tokens', /whole number/],
    [{ stop: ['1', '2', '3', '4', '5'] }, 'stop', /at most 4/],
    [{ top_logprobs: 21 }, 'top_logprobs', /<= 20/],
    [{ presence_penalty: 3 }, 'presence_penalty', /<= 2/],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function', /is required/],
    [{ tools: [{ type: 'function', function: { name: 'x'.repeat(65) } }] }, 'tools[0].function.name', /at most 64/],
    [{ tool_choice: { type: 'function' } }, 'tool_choice.function', /is required/],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema', /is required/],
    [{ metadata: { a: 'b'.repeat(513) } }, 'metadata.a', /at most 512/],
    [{ gateway: { priority: 11 } }, 'gateway.priority', /<= 10/],
    [{ stream: 'yes' }, 'stream', /true or false/],
  ] as const)('400 for %j names %s', async ([more, param, message]) => {
    const count = api.accepted.length;
    const response = await post(ask(more));
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual({
      error: { message: expect.stringMatching(message), type: 'invalid_request_error', param, code: null },
    });
    expect(api.accepted.length).toBe(count);
  });

  test.for([
    [{ max_tokens: 1_000_000 }, 'max_tokens'],
    [{ max_completion_tokens: 1_000_000 }, 'max_completion_tokens'],
    [{ max_completion_tokens: 0, max_tokens: 1_000_000 }, 'max_tokens'],
    [{ max_completion_tokens: 1_000_000, max_tokens: 1 }, 'max_completion_tokens'],
  ] as const)('400 for %j, beyond what the model can write, names %s', async ([more, param]) => {
    const response = await post(ask(more));
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({
      param,
      message: expect.stringMatching(new RegExp(`^/${param}: must be <=`)),
    });
  });

  test('400 for a body so deep that nothing could walk it', async () => {
    const depth = 100_000;
    const deep = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    const payload = `{"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"x":${deep}}`;
    const response = await api.inject({
      method: 'POST',
      url: path,
      payload,
      headers: { 'content-type': 'application/json' },
    });
    expect(response.statusCode).toBe(400);
    expect(response.json().error.message).toContain('nested deeper than');
  });

  test('404 for a model that nobody knows', async () => {
    const error = await client()
      .chat.completions.create({ ...ask({ model: 'gpt-nought' }) } as never)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model', type: 'invalid_request_error' });
  });

  test.for([
    [{ n: 2 }, 'n'],
    [{ logprobs: true }, 'logprobs'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ logit_bias: { 50: 1 } }, 'logit_bias'],
    [{ presence_penalty: 1 }, 'presence_penalty'],
    [{ frequency_penalty: -1 }, 'frequency_penalty'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ audio: { voice: 'alloy', format: 'wav' } }, 'audio'],
    [{ prediction: { type: 'content', content: 'x' } }, 'prediction'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ service_tier: 'priority' }, 'service_tier'],
    [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'tools[0]'],
    [{ tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [] } } }, 'tool_choice'],
    [{ reasoning_effort: 'extreme' }, 'reasoning_effort'],
    [{ response_format: { type: 'grammar' } }, 'response_format.type'],
    [{ messages: [{ role: 'critic', content: 'x' }] }, 'messages[0].role'],
    [
      { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: '', format: 'wav' } }] }] },
      'messages[0].content[0]',
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }] },
      'messages[0].content[0]',
    ],
  ] as const)('%j is for providers that speak the dialect', async ([more, param]) => {
    const refused = await post(ask({ ...more, model: 'claude-sonnet-4-5' }));
    expect(refused.statusCode).toBe(400);
    expect(refused.json().error).toMatchObject({ param, message: expect.stringContaining('no counterpart') });
    const accepted = await post(ask(more), { prefer: 'respond-async' });
    expect(accepted.statusCode).toBe(202);
  });

  test.for([
    [
      { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded', param: 'messages' },
      400,
      { type: 'invalid_request_error', code: 'context_length_exceeded', param: 'messages' },
    ],
    [{ status: 404 }, 404, { type: 'invalid_request_error', code: null, param: null }],
    [undefined, 502, { type: 'server_error', code: 'upstream_error', param: null }],
  ] as const)('a refusal of the provider is passed on as it put it: %j', async ([refusal, status, error]) => {
    const failure = { code: 'provider_refused', detail: 'Too long.', ...(refusal ? { refusal } : {}) } as const;
    for (const more of [{}, { stream: true }]) {
      api.answers = () => failed(failure);
      const response = await post(ask(more));
      expect(response.statusCode).toBe(status);
      expect(response.json()).toEqual({ error: { message: 'Too long.', ...error } });
      expect(response.headers['x-should-retry']).toBe('false');
    }
  });

  test('405 names what is offered', async () => {
    const response = await api.inject({ method: 'PUT', url: path, payload: {} });
    expect(response.statusCode).toBe(405);
    expect(response.json().error.type).toBe('invalid_request_error');
  });
});

describe('504', () => {
  test('a wait that runs out is retried, and the retry gets the same job', async () => {
    const body = ask();
    const late = await post(body, { 'x-stainless-timeout': '5.2' });
    const id = api.accepted.at(-1) ?? '';
    expect(late.statusCode).toBe(504);
    expect(late.json().error).toMatchObject({ type: 'timeout_error', code: 'sync_wait_exceeded' });
    expect(late.headers).toMatchObject({
      'x-job-id': id,
      location: `/v1/jobs/${id}`,
      'x-should-retry': 'true',
      'retry-after-ms': '50',
    });
    await api.hand.settle(id, native());
    const again = await post(body, { 'x-stainless-retry-count': '1' });
    expect(again.json().id).toBe(chatIdOf(id));
    expect(api.accepted.at(-1)).toBe(id);
  });
});

describe('a stream', () => {
  const stream = (more: object = {}) => client().chat.completions.stream({ ...ask(more), stream: true } as never);

  test('of an answer that was not streamed to us tells all of it', async () => {
    api.answers = () => native();
    const chunks: unknown[] = [];
    const running = stream({ stream_options: { include_usage: true } });
    for await (const chunk of running) chunks.push(chunk);
    expect(chunks.at(0)).toMatchObject({ choices: [{ delta: { role: 'assistant' } }], usage: null });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: nativeBody.usage });
    expect(await running.finalChatCompletion()).toMatchObject({
      id: chatIdOf(api.accepted.at(-1)),
      choices: [{ message: { content: 'Hi.' }, finish_reason: 'stop' }],
      x_new: { of: 'tomorrow' },
    });
  });

  test('has no usage that nobody asked for, and ends with [DONE]', async () => {
    api.answers = () => answered('Hello you.');
    const response = await post(ask({ stream: true }));
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(response.body).not.toContain('usage');
    expect(response.body.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(response.body.match(/^(id|event|retry):/m)).toBeNull();
  });

  test('that fails in the middle tells so, and does not end as if it were complete', async () => {
    const pending = post(ask({ stream: true }));
    const id = await api.job(api.accepted.length);
    await api.hand.begin(id);
    await api.hand.write(id, [{ type: 'text-delta', text: 'Half an' }]);
    await api.hand.settle(id, failed({ code: 'answer_broken_off', detail: 'It broke off.' }));
    const { body } = await pending;
    expect(body).toContain('Half an');
    expect(body).not.toContain('[DONE]');
    expect(body.trimEnd().split('\n\n').at(-1)).toBe(
      `data: ${JSON.stringify({ error: { message: 'It broke off.', type: 'server_error', param: null, code: 'upstream_error' } })}`,
    );
  });
});
