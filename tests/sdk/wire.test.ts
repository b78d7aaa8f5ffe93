import { adminKey, post } from '@llm-gateway/testkit/start-gateway';
import { toFile } from 'openai';
import { beforeAll, describe, expect, test } from 'vitest';
import { anthropic, anthropicClass, anthropicMajors, claude, gpt, openAI, openAIMajors } from './clients.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

// What the SDKs do with paths, headers and empty bodies, as nobody sees who reads their documentation.
const world = useGateway({ AUTH_MODE: 'keys' });

let apiKey = '';
beforeAll(async () => {
  const made = await post(`${world.url}/v1/admin/keys`, {}, { authorization: `Bearer ${adminKey}` });
  apiKey = made.body.key;
});

const messages = [{ role: 'user' as const, content: 'On the wire' }];
const max_tokens = 30;
const bearer = () => ({ authorization: `Bearer ${apiKey}` });

/** A fetch that lets something be done to every answer before the SDK reads it. */
const through =
  (change: (response: Response) => Response): typeof fetch =>
  async (...request) =>
    change(await fetch(...request));

/** As a proxy or a waiting gateway would: a comment, an id and a hint to come back between all events. */
const withNoise = through((response) => {
  const noise = new TransformStream<string, string>({
    transform: (text, out) => out.enqueue(text.replaceAll('\n\n', '\n\n: hb\n\nid: 7\n\nretry: 1000\n\n')),
  });
  const body = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(noise);
  return new Response(body?.pipeThrough(new TextEncoderStream()), response);
});

describe.for(openAIMajors)('%s', (major) => {
  const client = (base = world.url) => openAI(major, base, { apiKey });

  test('finds the gateway behind a base URL with a slash at its end', async () => {
    const slashed = client().withOptions({ baseURL: `${world.url}/v1/` });
    expect(await slashed.models.retrieve(gpt)).toMatchObject({ object: 'model' });
  });

  test('asks for models with a slash or a colon in their names', async () => {
    const sent: string[] = [];
    const watched = client().withOptions({
      fetch: (url, init) => {
        sent.push(new URL(String(url)).pathname);
        return fetch(url, init);
      },
    });
    expect(await watched.models.retrieve(`openai/${gpt}`)).toMatchObject({ id: `openai/${gpt}` });
    const unknown = watched.models.retrieve('openai/no-such:free');
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
    expect(sent).toEqual([`/v1/models/openai%2F${gpt}`, '/v1/models/openai%2Fno-such:free']);
  });

  test('is told the id of every request', async () => {
    const errand = world.errand();
    const answer = await client().chat.completions.create({ model: gpt, messages, max_tokens }, errand.options);
    expect(answer._request_id).toBe(errand.id);
    const refused = client().chat.completions.create({ model: gpt, messages: [] }, errand.options);
    await expect(refused).rejects.toMatchObject({ requestID: errand.id });
  });

  test('reads the reason of a refusal on a route of our own', async () => {
    const refused = client().post('/generate', { body: { prompt: 'x', model: gpt, temperature: 3 } });
    await expect(refused).rejects.toMatchObject({ status: 422, param: 'temperature', code: 'invalid_request' });
    await expect(refused).rejects.toThrow('/temperature: must be <= 2');
  });

  test('is not given a job for an answer: who did not ask for one is told to come again', async () => {
    const slow = { model: 'openai/sandbox/slow-1000', messages };
    const asked = client().chat.completions.create(slow, { headers: { prefer: 'wait=0' } });
    await expect(asked).rejects.toMatchObject({ status: 504, code: 'sync_wait_exceeded' });
    const { headers } = (await asked.catch((error: unknown) => error)) as { headers: Headers };
    expect(headers.get('x-should-retry')).toBe('true');
    expect(headers.get('retry-after')).toBe('1');
    expect(Number(headers.get('retry-after-ms'))).toBeGreaterThan(0);
  });

  test('reads past comments, ids and hints between the events of a stream', async () => {
    const noisy = client().withOptions({ fetch: withNoise });
    const chunks = await take(await noisy.chat.completions.create({ model: gpt, messages, max_tokens, stream: true }));
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
    const final = await noisy.chat.completions.stream({ model: claude, messages, max_tokens }).finalChatCompletion();
    expect(final.choices[0]?.message.content).toContain('[sandbox]');
    const response = await noisy.responses.stream({ model: gpt, input: 'On the wire' }).finalResponse();
    expect(response.status).toBe('completed');
  });

  test('finds the id of what it streams in the first chunk and in the headers', async () => {
    const body = { model: gpt, messages, max_tokens, stream: true as const };
    const { data, response } = await client().chat.completions.create(body).withResponse();
    const [first] = await take(data);
    expect(first?.id).toBe(response.headers.get('x-job-id')?.replace('job_', 'chatcmpl-'));
    const { data: events, response: answer } = await client()
      .responses.create({ model: gpt, input: 'On the wire', stream: true })
      .withResponse();
    const [created] = await take(events);
    expect(created).toMatchObject({
      type: 'response.created',
      sequence_number: 0,
      response: { id: answer.headers.get('x-job-id')?.replace('job_', 'resp_') },
    });
  });

  test('may leave every optional member null', async () => {
    const nulls = { temperature: null, tools: null, text: null, reasoning: null, metadata: null, include: null };
    const more = { previous_response_id: null, instructions: null, max_output_tokens: null, user: null, stream: null };
    for (const model of [gpt, claude]) {
      const body = { model, input: 'Nothing', ...nulls, ...more };
      const answer = await client().responses.create(
        body as unknown as { model: string; input: string; stream: false },
      );
      expect(answer.status).toBe('completed');
    }
  });

  test('pages through whatever is listed, one by one', async () => {
    const metadata = { topic: `paged by ${major}` };
    const stored = { model: gpt, messages, max_tokens, store: true, metadata };
    for (const _ of [1, 2, 3]) await client().chat.completions.create(stored);
    expect(await take(client().chat.completions.list({ metadata, limit: 1 }))).toHaveLength(3);

    const input = [1, 2, 3].map((turn) => ({ role: 'user' as const, content: `Turn ${turn}` }));
    const { id } = await client().responses.create({ model: gpt, input });
    expect(await take(client().responses.inputItems.list(id, { limit: 1, order: 'asc' }))).toHaveLength(3);

    const line = { custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: { model: gpt, messages } };
    const upload = async () => toFile(Buffer.from(JSON.stringify(line)), `${major}.jsonl`);
    const files = [];
    for (const _ of [1, 2, 3]) files.push(await client().files.create({ file: await upload(), purpose: 'batch' }));
    const listed = (await take(client().files.list({ limit: 1 }))).map((file) => file.id);
    expect(listed).toEqual(expect.arrayContaining(files.map((file) => file.id)));
    expect(new Set(listed).size).toBe(listed.length);
    expect(await (await client().files.content(files[0]?.id ?? '')).json()).toEqual(line);

    const batches = [];
    for (const file of files) {
      const body = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' } as const;
      batches.push(await client().batches.create(body));
    }
    const seen = (await take(client().batches.list({ limit: 1 }))).map((batch) => batch.id);
    expect(seen).toEqual(expect.arrayContaining(batches.map((batch) => batch.id)));
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe.for(anthropicMajors)('%s', (major) => {
  const client = () => anthropic(major, world.url, { apiKey });
  const body = { model: claude, max_tokens, messages };

  test('sends its key as it does, or a token, and gets in', async () => {
    expect(await client().messages.create(body)).toMatchObject({ type: 'message' });
    const Client = anthropicClass(major);
    const byToken = new Client({ apiKey: null, authToken: apiKey, baseURL: world.url, maxRetries: 0 });
    expect(await byToken.messages.create(body)).toMatchObject({ type: 'message' });
    const stranger = new Client({ apiKey: null, authToken: 'nobodys', baseURL: world.url, maxRetries: 0 });
    await expect(stranger.messages.create(body)).rejects.toMatchObject({ status: 401, type: 'authentication_error' });
  });

  test('is told where the version stands in its base URL too', async () => {
    const twice = anthropic(major, `${world.url}/v1`, { apiKey });
    await expect(twice.messages.create(body)).rejects.toThrow('leave /v1 out of the base URL');
  });

  test('is told the id of every request', async () => {
    const answer = await client().messages.create(body);
    expect(answer._request_id).toMatch(/^req_/);
    const refused = client().messages.create({ ...body, messages: [] });
    await expect(refused).rejects.toMatchObject({ requestID: expect.stringMatching(/^req_/) });
  });

  test('reads past comments, ids and hints between the events of a stream', async () => {
    const noisy = client().withOptions({ fetch: withNoise });
    const events = await take(await noisy.messages.create({ ...body, stream: true }));
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['message_start', 'message_stop']));
    expect(events[0]).toMatchObject({ type: 'message_start', message: { id: expect.stringMatching(/^msg_/) } });
    expect(await noisy.messages.stream({ ...body, model: gpt }).finalText()).toContain('[sandbox]');
  });

  test('may leave every optional member null', async () => {
    const nulls = {
      temperature: null,
      tools: null,
      system: null,
      thinking: null,
      metadata: null,
      stop_sequences: null,
    };
    for (const model of [gpt, claude]) {
      const asked = { ...body, model, ...nulls, stream: null } as unknown as typeof body;
      expect(await client().messages.create(asked)).toMatchObject({ type: 'message' });
    }
  });

  test('pages through its batches, and reads the results where it is told they are', async () => {
    const batches = client().messages.batches;
    const made = [];
    for (const _ of [1, 2, 3]) made.push((await batches.create({ requests: [{ custom_id: 'a', params: body }] })).id);
    const ids = async () => (await take(batches.list({ limit: 1 }))).map(({ id }) => id);
    const seen = await ids();
    expect(seen).toEqual(expect.arrayContaining(made));
    expect(new Set(seen).size).toBe(seen.length);
    const [first = ''] = made;
    await expect.poll(() => batches.retrieve(first), { timeout: 20_000 }).toMatchObject({ processing_status: 'ended' });
    expect(await take(await batches.results(first))).toMatchObject([{ custom_id: 'a', result: { type: 'succeeded' } }]);
  });
});

describe('on the wire itself', () => {
  const streams = [
    ['/v1/chat/completions', { model: gpt, messages, max_tokens }],
    ['/v1/completions', { model: gpt, prompt: 'On the wire', max_tokens }],
    ['/v1/responses', { model: gpt, input: 'On the wire' }],
    ['/v1/messages', { model: claude, messages, max_tokens }],
  ] as const;

  test.for(streams)(
    'a stream of %s is neither compressed nor kept, and has events of its vendor alone',
    async ([path, body]) => {
      const response = await fetch(`${world.url}${path}`, {
        method: 'POST',
        headers: { ...bearer(), 'content-type': 'application/json', 'accept-encoding': 'gzip, deflate, br' },
        body: JSON.stringify({ ...body, stream: true }),
      });
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      });
      expect(response.headers.get('content-encoding')).toBeNull();
      const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith(':'));
      expect(lines.filter((line) => !/^(event|data): /.test(line))).toEqual([]);
      const named = lines.filter((line) => line.startsWith('event: ')).map((line) => line.slice('event: '.length));
      const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice('data: '.length));
      const types = data.filter((text) => text !== '[DONE]').map((text) => JSON.parse(text).type ?? null);
      // OpenAI's chunks have no names, and a named one would break its helpers.
      if (path.includes('completions')) expect([named, types.every((type) => type === null)]).toEqual([[], true]);
      else expect(named).toEqual(types);
      expect(data.includes('[DONE]')).toBe(path !== '/v1/messages');
    },
  );

  test('the error of a response is told flat and nested, and then as its end', async () => {
    const body = JSON.stringify({ model: 'openai/sandbox/drip-50+error-event', input: 'Break off', stream: true });
    const headers = { ...bearer(), 'content-type': 'application/json' };
    const response = await fetch(`${world.url}/v1/responses`, { method: 'POST', headers, body });
    const events = (await response.text())
      .trimEnd()
      .split('\n\n')
      .filter((event) => !event.startsWith(':'));
    const [error, failed, done] = events.slice(-3);
    expect(JSON.parse(error?.split('data: ')[1] ?? '')).toMatchObject({
      type: 'error',
      message: expect.any(String),
      code: expect.any(String),
      param: null,
      error: { message: expect.any(String), type: expect.any(String), code: expect.any(String), param: null },
    });
    expect(error).toMatch(/^event: error\n/);
    expect(JSON.parse(failed?.split('data: ')[1] ?? '')).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed' },
    });
    expect(done).toBe('data: [DONE]');
  });

  test.for(['/v1/responses/resp_no/cancel', '/v1/batches/batch_no/cancel', '/v1/messages/batches/msgbatch_no/cancel'])(
    'nothing in the body of %s is nothing, whatever its type',
    async (path) => {
      for (const type of [{}, { 'content-type': 'application/json' }]) {
        const response = await fetch(`${world.url}${path}`, { method: 'POST', headers: { ...bearer(), ...type } });
        expect(response.status).toBe(404);
      }
    },
  );

  test('what is accepted is not what decides: no type of answer is refused', async () => {
    for (const accept of ['application/binary', '*/*', 'text/html', 'application/x-jsonl']) {
      const response = await fetch(`${world.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { ...bearer(), accept, 'content-type': 'application/json' },
        body: JSON.stringify({ model: gpt, messages, max_tokens }),
      });
      expect([accept, response.status, response.headers.get('content-type')]).toEqual([
        accept,
        200,
        'application/json; charset=utf-8',
      ]);
    }
  });

  test('pages of other sites are offered nothing', async () => {
    const response = await fetch(`${world.url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(response.status).toBe(405);
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('no address is made of what the client says of the host', async () => {
    const lie = { host: 'evil.example', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' };
    const requests = [{ custom_id: 'a', params: { model: claude, max_tokens, messages } }];
    const headers = { ...bearer(), ...lie, prefer: 'respond-async' };
    for (const [path, body] of [
      ['/v1/messages/batches', { requests }],
      ['/v1/chat/completions', { model: gpt, messages, max_tokens }],
    ] as const) {
      const { body: told, headers: answered } = await post(`${world.url}${path}`, body, headers);
      expect(JSON.stringify([told, ...answered])).not.toContain('evil.example');
    }
  });
});
