import type { Answer } from '@llm-gateway/shared/contracts/answer';
import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import OpenAI from 'openai';
import type { ResponseCreateParamsStreaming } from 'openai/resources/responses/responses';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { makeKey, makeTenant } from '../../test/make-key.ts';
import { readEvents } from '../../test/read-response-stream.ts';
import { answered, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
let url: string;
let client: OpenAI;
/** Writes to a job's log as its worker would. */
let append: (id: string, ...events: JobEvent[]) => Promise<void>;
beforeAll(async () => {
  const environment = { MAX_REQUESTS_PER_MINUTE: '1000', MAX_REQUESTS_PER_HOUR: '1000' };
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment });
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  client = new OpenAI({ apiKey: 'k', baseURL: `${url}/v1`, maxRetries: 0 });
  const script = defineScript(
    api.redis,
    `${lifecycleLua(api.deps.keys)} log_append(ARGV[1], { unpack(ARGV, 2) }, clock_ms())`,
  );
  append = async (id, ...events) => {
    await script([api.deps.keys.job(id)], [id, ...events.map((event) => JSON.stringify(event))]);
  };
});
afterAll(() => api?.close());
beforeEach(() => {
  api.answers = undefined;
});

const ask = (more: object = {}) => ({ model: 'gpt-4o', input: `asked ${randomUUID()}`, ...more });
const post = (payload: object, headers: Record<string, string> = {}, path = '/v1/responses') =>
  api.inject({ method: 'POST', url: path, payload, headers });
const jobOf = (id: string) => id.replace('resp_', 'job_');

/** The next job to be accepted. */
const nextJob = () => api.job(api.accepted.length);

const text = (said: string): JobEvent => ({ type: 'text-delta', text: said });
const started: JobEvent = { type: 'started', attempt: 1, provider: 'openai', model: 'openai/gpt-4o' };

/** A provider's own response. */
const native = (changes: object = {}) => ({
  api: 'responses' as const,
  body: {
    id: `resp_${randomUUID().replaceAll('-', '')}`,
    object: 'response',
    status: 'completed',
    model: 'gpt-4o-2024-11-20',
    output: [],
    x_new: true,
    previous_response_id: null,
    background: false,
    ...changes,
  },
});

describe('POST /v1/responses', () => {
  test('answers with a whole response, and every member of it', async () => {
    api.answers = () => answered('the answer');
    const response = await post(ask({ instructions: 'be kind', temperature: 0.5, metadata: { a: 'b' } }));
    expect(response.statusCode).toBe(200);
    const body = response.json();
    const jobId = response.headers['x-job-id'];
    expect(jobOf(body.id)).toBe(jobId);
    const needed =
      'id object created_at completed_at status incomplete_details model previous_response_id instructions output error ' +
      'tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs ' +
      'temperature reasoning usage max_output_tokens max_tool_calls store background service_tier metadata ' +
      'safety_identifier prompt_cache_key';
    expect(needed.split(' ').filter((name) => body[name] === undefined)).toEqual([]);
    expect(body).toMatchObject({
      object: 'response',
      status: 'completed',
      instructions: 'be kind',
      temperature: 0.5,
      metadata: { a: 'b' },
      output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'the answer' }] }],
      usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18 },
    });
    expect((await api.get(`/v1/responses/${body.id}`)).json()).toEqual(body);
    expect((await api.get(`/v1/jobs/${jobId}/result`)).json()).toEqual(body);
  });

  test("passes a provider's own response on under our name", async () => {
    api.answers = () => answered('', { native: native() });
    const response = await client.responses.create(ask());
    expect(response).toMatchObject({ id: expect.stringMatching(/^resp_01/), x_new: true, model: 'gpt-4o-2024-11-20' });
  });

  test('one that is not whole says why', async () => {
    api.answers = () => answered('the', { finishReason: { unified: 'length', raw: 'length' } });
    const { status, incomplete_details, output } = await client.responses.create(ask());
    expect([status, incomplete_details]).toEqual(['incomplete', { reason: 'max_output_tokens' }]);
    expect(output).toMatchObject([{ status: 'incomplete' }]);
  });

  test.for([
    [{ input: undefined }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: 7 }, 'input'],
    [{ model: undefined }, 'model'],
    [{ temperature: 3 }, 'temperature'],
    [{ max_output_tokens: 0 }, 'max_output_tokens'],
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ background: true, store: false }, 'store'],
    [{ metadata: { a: 1 } }, 'metadata.a'],
    [{ max_output_tokens: 1_000_000 }, 'max_output_tokens'],
    [{ model: 'claude-sonnet-4-5', tools: [{ type: 'web_search' }] }, 'tools[0]'],
    [
      {
        model: 'claude-sonnet-4-5',
        input: [
          { role: 'user', content: 'a' },
          { type: 'item_reference', id: 'x' },
        ],
      },
      'input[1]',
    ],
    [{ model: 'claude-sonnet-4-5', max_tool_calls: 3 }, 'max_tool_calls'],
    [{ model: 'claude-sonnet-4-5', temperature: 1.5 }, 'temperature'],
  ] as [object, string][])('%j is refused by name before anything happens', async ([changes, param]) => {
    const before = await api.traces('anonymous');
    const response = await post(ask(changes));
    expect([response.statusCode, response.json().error.param]).toEqual([400, param]);
    expect(response.json().error.type).toBe('invalid_request_error');
    expect(await api.traces('anonymous')).toEqual(before);
  });

  test.for([
    { instructions: null, tools: null, tool_choice: null, reasoning: null, text: null, metadata: null, include: null },
    { max_output_tokens: 8, truncation: 'auto', top_logprobs: 2, x_of_tomorrow: [1] },
    { tools: [{ type: 'web_search' }, { type: 'tool_of_tomorrow', a: 1 }] },
    {
      input: [
        { role: 'user', content: [{ type: 'input_of_tomorrow' }] },
        { type: 'item_of_tomorrow', x: null },
      ],
    },
  ])('%j is accepted for a provider that speaks the dialect, and sent as it came', async (changes) => {
    const payload = ask(changes);
    const job = nextJob();
    const response = await post({ ...payload, background: true, stream: false, gateway: { metadata: { a: 'b' } } });
    expect(response.statusCode).toBe(200);
    const record = await api.deps.jobs.find('default', await job);
    expect(record?.generation.native).toEqual({ api: 'responses', body: payload, asked: { background: true } });
  });

  test('a failure is an error of OpenAI', async () => {
    api.answers = () => failed({ code: 'provider_busy', detail: 'The provider failed.' });
    const response = await post(ask());
    expect([response.statusCode, response.json().error.code]).toEqual([502, 'upstream_error']);
  });
});

describe('a stream', () => {
  test('comes as it happens, and the official client accepts it', async () => {
    const job = nextJob();
    const stream = client.responses.stream(ask() as Omit<ResponseCreateParamsStreaming, 'stream'>);
    const id = await job;
    const deltas: string[] = [];
    stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta));
    await append(id, started, text('the '), text('answer'));
    await waitFor(() => deltas.length === 2, { what: 'it comes before the end' });
    await api.hand.settle(id, answered('the answer'));
    await stream.done();
    expect(deltas).toEqual(['the ', 'answer']);
    expect((await stream.finalResponse()).output_text).toBe('the answer');
  });

  test('that fails before its first word is an HTTP error', async () => {
    api.answers = () => failed({ code: 'provider_rate_limited', detail: 'The provider is busy.', retryAfterMs: 1000 });
    const response = await post(ask({ stream: true }));
    expect([response.statusCode, response.headers['retry-after']]).toEqual([429, '1']);
  });

  test('that breaks off is told once that it has, and ends', async () => {
    const job = nextJob();
    const response = post(ask({ stream: true }));
    const id = await job;
    await append(id, started, text('the '));
    await append(id, { type: 'retrying', attempt: 2, afterMs: 1, reason: 'provider_busy', reset: true });
    const events = readEvents((await response).body);
    expect(events.map(({ type }) => type).slice(-2)).toEqual(['error', 'response.failed']);
    expect(events.filter(({ type }) => type === 'error')).toHaveLength(1);
    await api.hand.settle(id, answered('another answer'));
  });

  test('is replayed and resumed after every number, of a response that has ended and of one that goes on', async () => {
    const job = nextJob();
    const first = post(ask({ stream: true }));
    const id = await job;
    await append(id, started, text('the '), text('answer'));
    const resumed = api.get(`/v1/responses/${id}?stream=true&starting_after=3`);
    await waitFor(() => api.deps.streams.connections.size() === 2, { what: 'both read' });
    await api.hand.settle(id, answered('the answer'));
    const all = (await first).body.split(/(?<=\n\n)/);
    expect((await resumed).body).toBe(all.slice(4).join(''));
    expect((await api.get(`/v1/responses/${id}?stream=true`)).body).toBe(all.join(''));
    for (let after = 0; after < all.length + 2; after += 1) {
      const { statusCode, body } = await api.get(`/v1/responses/${id}?stream=true&starting_after=${after}`);
      expect([statusCode, body]).toEqual([200, all.slice(Math.min(after + 1, all.length - 1)).join('')]);
    }
  });
});

test('HEAD tells that there is a stream, without one', async () => {
  api.answers = () => answered('x');
  const { id } = (await post(ask())).json();
  const head = await api.inject({ method: 'HEAD', url: `/v1/responses/${id}?stream=true` });
  expect([head.statusCode, head.headers['content-type'], head.body]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
    '',
  ]);
});

describe('in the background', () => {
  test('it is queued at once, goes on without anybody, and is found with its answer', async () => {
    const job = nextJob();
    const begun = await client.responses.create(ask({ background: true }));
    expect(begun).toMatchObject({ status: 'queued', background: true, output: [], usage: null });
    const id = await job;
    expect((await api.deps.jobs.find('default', id))?.graceMs).toBeUndefined();
    await api.hand.begin(id);
    expect((await client.responses.retrieve(begun.id)).status).toBe('in_progress');
    await api.hand.settle(id, answered('the answer'));
    const done = await client.responses.retrieve(begun.id);
    expect(done).toMatchObject({ id: begun.id, status: 'completed', background: true, output_text: 'the answer' });
  });

  test('it is queued even if its answer is there at once', async () => {
    api.answers = () => answered('the answer');
    expect((await post(ask({ background: true }))).json().status).toBe('queued');
  });

  test('is a job for a client that asked for one', async () => {
    const response = await post(ask({ background: true }), { prefer: 'respond-async' });
    expect([response.statusCode, response.json().object]).toEqual([202, 'job']);
  });

  test('one that failed says so in the response', async () => {
    const { id } = (await post(ask({ background: true }))).json();
    await api.hand.settle(jobOf(id), failed({ code: 'provider_busy', detail: 'The provider failed.' }));
    const { statusCode, json } = await api.get(`/v1/responses/${id}`);
    expect(statusCode).toBe(200);
    expect(json()).toMatchObject({
      status: 'failed',
      error: { code: 'upstream_error', message: 'The provider failed.' },
      output: [],
    });
  });

  test('a stream tells at once which response it is, and outlives its reader', async () => {
    const job = nextJob();
    const controller = new AbortController();
    const params = { ...ask({ background: true }), stream: true } as ResponseCreateParamsStreaming;
    const stream = await client.responses.create(params, { signal: controller.signal });
    const events = stream[Symbol.asyncIterator]();
    const first = (await events.next()).value;
    expect(first).toMatchObject({ type: 'response.created', sequence_number: 0, response: { status: 'queued' } });
    const id = await job;
    controller.abort();
    await append(id, started, text('the answer'));
    await api.hand.settle(id, answered('the answer'));
    const rest = await client.responses.retrieve(first.response.id, { stream: true, starting_after: 1 });
    const types: string[] = [];
    for await (const { type } of rest) types.push(type);
    expect([types[0], types.at(-1)]).toEqual(['response.in_progress', 'response.completed']);
  });
});

describe('cancel', () => {
  test('stops a background response that waits, once and for all, and its stream ends with it', async () => {
    const { id } = (await post(ask({ background: true }))).json();
    const stream = api.get(`/v1/responses/${id}?stream=true`);
    expect((await client.responses.cancel(id)).status).toBe('cancelled');
    expect((await client.responses.cancel(id)).status).toBe('cancelled');
    expect(readEvents((await stream).body).at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: { status: 'cancelled' },
    });
  });

  test('waits for one that runs to stop', async () => {
    const { id } = (await post(ask({ background: true }))).json();
    await api.hand.begin(jobOf(id));
    await api.redis.hset(api.deps.keys.job(jobOf(id)), { run: 'of a worker' });
    const cancelled = api.inject({ method: 'POST', url: `/v1/responses/${id}/cancel` });
    await waitFor(async () => (await api.deps.jobs.find('default', jobOf(id)))?.stop, { what: 'it is told to stop' });
    await api.hand.settle(jobOf(id), { state: 'cancelled', failure: { code: 'job_cancelled', detail: 'x' } });
    expect((await cancelled).json()).toMatchObject({ id, status: 'cancelled' });
  });

  test('leaves one that has ended as it is', async () => {
    const { id } = (await post(ask({ background: true }))).json();
    await api.hand.settle(jobOf(id), answered('the answer'));
    expect((await client.responses.cancel(id)).status).toBe('completed');
  });

  test('is refused for one that is not in the background', async () => {
    api.answers = () => answered('x');
    const { id } = (await post(ask())).json();
    const response = await api.inject({ method: 'POST', url: `/v1/responses/${id}/cancel` });
    expect([response.statusCode, response.json().error.type]).toEqual([400, 'invalid_request_error']);
  });
});

describe('DELETE', () => {
  test('erases one that has ended', async () => {
    api.answers = () => answered('x');
    const { id } = (await post(ask())).json();
    const response = await api.inject({ method: 'DELETE', url: `/v1/responses/${id}`, headers: { accept: '*/*' } });
    expect([response.statusCode, response.json()]).toEqual([200, { id, object: 'response', deleted: true }]);
    expect((await api.get(`/v1/responses/${id}`)).statusCode).toBeGreaterThanOrEqual(404);
  });

  test('is refused for one that runs', async () => {
    const { id } = (await post(ask({ background: true }))).json();
    await api.hand.begin(jobOf(id));
    expect((await api.inject({ method: 'DELETE', url: `/v1/responses/${id}` })).statusCode).toBe(409);
    await api.hand.settle(jobOf(id), answered('x'));
  });
});

test('the items of the input are listed, page by page, as the official client asks for them', async () => {
  const input = [
    { role: 'user', content: 'one' },
    { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
    { type: 'function_call_output', call_id: 'c', output: 'two' },
  ];
  const { id } = (await post(ask({ input, background: true }))).json();
  const types: string[] = [];
  for await (const item of client.responses.inputItems.list(id, { limit: 2, order: 'asc' })) types.push(item.type);
  expect(types).toEqual(['message', 'function_call', 'function_call_output']);
  const latest = (await api.get(`/v1/responses/${id}/input_items?limit=1`)).json();
  expect(latest).toMatchObject({
    object: 'list',
    has_more: true,
    data: [{ type: 'function_call_output', output: 'two' }],
  });
  const unknown = await api.get(`/v1/responses/${id}/input_items?after=nothing`);
  expect([unknown.statusCode, unknown.json().error.param]).toEqual([400, 'after']);
});

describe('previous_response_id', () => {
  const answeredNatively = async (more: Partial<Answer> = {}): Promise<{ id: string; theirs: string }> => {
    const given = native();
    api.answers = () => answered('', { native: given, ...more });
    const { id } = (await post(ask())).json();
    api.answers = undefined;
    return { id, theirs: given.body.id };
  };

  test('is told to the provider in its own words, and shown to the client in its own', async () => {
    const { id, theirs } = await answeredNatively();
    const job = nextJob();
    const asked = ask({ previous_response_id: id, background: true });
    const begun = (await post(asked)).json();
    expect(begun.previous_response_id).toBe(id);
    const record = await api.deps.jobs.find('default', await job);
    expect(record?.generation.native?.body).toEqual({ ...asked, background: undefined, previous_response_id: theirs });
    await api.hand.settle(await job, answered('', { native: native({ previous_response_id: theirs }) }));
    expect((await api.get(`/v1/responses/${begun.id}`)).json().previous_response_id).toBe(id);
  });

  test('goes to the account that keeps what it goes on with, and is held for as much as that was', async () => {
    const usage = { promptTokens: 900, completionTokens: 100, totalTokens: 1000 };
    const { id } = await answeredNatively({ deployment: 'eu', usage });
    const job = nextJob();
    await post(ask({ previous_response_id: id, background: true }));
    const record = await api.deps.jobs.find('default', await job);
    expect(record?.generation).toMatchObject({ deployment: 'eu', contextTokens: 1000 });
  });

  test('is looked up for a job as well', async () => {
    const { id, theirs } = await answeredNatively();
    const job = nextJob();
    const wrapped = (name: string) => ({ endpoint: '/v1/responses', body: ask({ previous_response_id: name }) });
    expect((await post(wrapped(id), {}, '/v1/jobs')).statusCode).toBe(202);
    const record = await api.deps.jobs.find('default', await job);
    expect(record?.generation.native?.body.previous_response_id).toBe(theirs);
    const unknown = await post(wrapped('resp_abc'), {}, '/v1/jobs');
    expect([unknown.statusCode, unknown.json().error.param]).toEqual([400, 'body.previous_response_id']);
  });

  test('of nobody, of the provider and of another kind of job is not found', async () => {
    const { theirs } = await answeredNatively();
    api.answers = () => answered('x');
    const generated = await api.generate({ prompt: randomUUID(), model: 'gpt-4o', user_id: 'u' });
    for (const id of ['resp_01M84AFMN7N75S4NC9P52Q6ACC', 'nonsense', theirs, String(generated.headers['x-job-id'])]) {
      const response = await post(ask({ previous_response_id: id }));
      expect([response.statusCode, response.json().error]).toMatchObject([
        400,
        { code: 'previous_response_not_found', param: 'previous_response_id' },
      ]);
    }
  });

  test('of one that has not ended, or that no provider keeps, is refused by its name', async () => {
    const running = (await post(ask({ background: true }))).json().id;
    api.answers = () => answered('x');
    const neutral = (await post(ask({ model: 'claude-sonnet-4-5' }))).json().id;
    const kept = (await answeredNatively()).id;
    for (const [id, model] of [
      [running, 'gpt-4o'],
      [neutral, 'claude-sonnet-4-5'],
      [neutral, 'gpt-4o'],
      [kept, 'claude-sonnet-4-5'],
    ]) {
      const response = await post(ask({ previous_response_id: id, model }));
      expect([response.statusCode, response.json().error.param]).toEqual([400, 'previous_response_id']);
    }
  });
});

test('tokens of an input are estimated without a job', async () => {
  const count = async (more: object) => {
    const response = await post({ model: 'gpt-4o', input: 'hello there', ...more }, {}, '/v1/responses/input_tokens');
    expect(response.headers['x-gateway-token-count']).toBe('estimated');
    return response.json();
  };
  const plain = await count({});
  expect(plain).toEqual({ object: 'response.input_tokens', input_tokens: expect.any(Number) });
  expect(plain.input_tokens).toBeGreaterThan(2);
  const longer = await count({ instructions: 'be kind', tools: [{ type: 'function', name: 'f', parameters: {} }] });
  expect(longer.input_tokens).toBeGreaterThan(plain.input_tokens);
  api.answers = () =>
    answered('x', { usage: { promptTokens: 11, completionTokens: 7, totalTokens: 18, reasoningTokens: 2 } });
  const previous_response_id = (await post(ask())).json().id;
  expect((await count({ previous_response_id })).input_tokens).toBe(plain.input_tokens + 16);
});

test('what is no response is not found, nor is compaction there', async () => {
  api.answers = () => answered('x');
  const generated = await api.generate({ prompt: randomUUID(), model: 'gpt-4o', user_id: 'u' });
  const paths = [`/v1/responses/${generated.headers['x-job-id']}`, '/v1/responses/resp_abc'];
  for (const path of paths) expect((await api.get(path)).statusCode).toBe(404);
  const compact = await post(ask(), {}, '/v1/responses/compact');
  expect([compact.statusCode, compact.json().error.type]).toEqual([404, 'invalid_request_error']);
});

test('a response is its own tenant’s alone', async () => {
  const guarded = await startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' });
  try {
    for (const id of ['acme', 'bolt']) await makeTenant(guarded, { id });
    const [acme, bolt] = [await makeKey(guarded, { tenant_id: 'acme' }), await makeKey(guarded, { tenant_id: 'bolt' })];
    guarded.answers = () => answered('', { native: native() });
    const send = (payload: object, headers: Record<string, string>) =>
      guarded.inject({ method: 'POST', url: '/v1/responses', payload, headers });
    const { id } = (await send(ask(), acme.headers)).json();
    expect((await guarded.get(`/v1/responses/${id}`, acme.headers)).statusCode).toBe(200);
    expect((await guarded.get(`/v1/responses/${id}`, bolt.headers)).statusCode).toBe(404);
    const stolen = await send(ask({ previous_response_id: id }), bolt.headers);
    expect([stolen.statusCode, stolen.json().error.code]).toEqual([400, 'previous_response_not_found']);
  } finally {
    await guarded.close();
  }
});
