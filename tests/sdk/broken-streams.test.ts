import { describe, expect, test } from 'vitest';
import { anthropic, anthropicClass, anthropicMajors, openAI, openAIClass, openAIMajors } from './clients.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway({ PROVIDER_IDLE_MS: '1000', DISCONNECT_GRACE_MS: '300', MAX_ATTEMPTS: '1' });

// Slowly enough that the client has begun to read: a fault before that is an answer of its own.
const breaks = ['error-event', 'truncate', 'reset-mid', 'malformed-json', 'hang-mid'].map(
  (fault) => `drip-200+${fault}`,
);
const table = breaks.flatMap((fault) => ['openai', 'anthropic'].map((provider) => ({ fault, provider })));
const messages = [{ role: 'user' as const, content: 'Break off' }];

/** What was read of a stream before it threw, and what it threw. */
async function readToEnd(stream: AsyncIterable<unknown>): Promise<{ seen: unknown[]; error: unknown }> {
  const seen: unknown[] = [];
  try {
    for await (const item of stream) seen.push(item);
    return { seen, error: 'nothing: the stream ended as if all were well' };
  } catch (error) {
    return { seen, error };
  }
}

describe.concurrent.for(openAIMajors)('%s, when a provider breaks off', (major) => {
  const client = () => openAI(major, world.url);
  const { APIError } = openAIClass(major);

  test.for(table)('throws in a chat stream ($provider: $fault)', async ({ fault, provider }) => {
    const errand = world.errand();
    const body = { model: `${provider}/sandbox/${fault}`, messages };
    const stream = await client().chat.completions.create({ ...body, stream: true }, errand.options);
    const { seen, error } = await readToEnd(stream);
    expect(seen.length).toBeGreaterThan(0);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ type: 'server_error', code: 'upstream_error' });
    expect(JSON.stringify(seen)).not.toContain('"finish_reason":"stop"');
    expect(await world.callsFor(errand)).toHaveLength(1);
  });

  test.for(table)('throws in a stream of a response ($provider: $fault)', async ({ fault, provider }) => {
    const errand = world.errand();
    const body = { model: `${provider}/sandbox/${fault}`, input: 'Break off' };
    const stream = await client().responses.create({ ...body, stream: true }, errand.options);
    const { seen, error } = await readToEnd(stream);
    expect(seen.length).toBeGreaterThan(0);
    expect(error).toBeInstanceOf(APIError);
    expect(await world.callsFor(errand)).toHaveLength(1);
    const [opening] = seen as { response?: { id: string } }[];
    // What has failed is kept as such.
    const kept = await client().responses.retrieve(opening?.response?.id ?? '');
    expect(kept).toMatchObject({ status: 'failed', error: { code: expect.any(String), message: expect.any(String) } });
  });

  test.for(['openai', 'anthropic'])("throws in the SDK's helpers (%s)", async (provider) => {
    const model = `${provider}/sandbox/drip-200+error-event`;
    await expect(client().chat.completions.stream({ model, messages }).finalChatCompletion()).rejects.toThrow(APIError);
    await expect(client().responses.stream({ model, input: 'Break off' }).finalResponse()).rejects.toThrow();
  });

  test.for(['openai', 'anthropic'])('is told words as %s writes them, not at the end', async (provider) => {
    const model = `${provider}/sandbox/drip-60+tokens-24`;
    const chat = await client().chat.completions.create({ model, messages, stream: true });
    const { seen: chunks } = await readToEnd(chat);
    expect(chunks.filter((chunk) => JSON.stringify(chunk).includes('"content":"')).length).toBeGreaterThan(3);
    const response = await client().responses.create({ model, input: 'Write', stream: true });
    const { seen: events } = await readToEnd(response);
    expect(events.filter((event) => JSON.stringify(event).includes('output_text.delta')).length).toBeGreaterThan(3);
  });

  test('leaves a stream whenever it likes, and finds what became of it', async () => {
    const errand = world.errand();
    const model = 'openai/sandbox/drip-20+tokens-40';
    const { data: stream, response } = await client()
      .chat.completions.create({ model, messages, stream: true }, errand.options)
      .withResponse();
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) break;
    }
    const id = response.headers.get('x-job-id')?.replace('job_', 'chatcmpl-') ?? '';
    const kept = await client().chat.completions.retrieve(id);
    expect(kept).toMatchObject({ id, choices: [{ finish_reason: 'stop' }], usage: { completion_tokens: 40 } });
    expect(await world.callsFor(errand)).toHaveLength(1);
  });

  test('ends the call to the provider by leaving, where that was asked for', async () => {
    const errand = world.errand({ 'x-gateway-on-disconnect': 'cancel' });
    const abort = new AbortController();
    const body = { model: 'anthropic/sandbox/drip-200+tokens-400', messages, stream: true as const };
    const stream = await client().chat.completions.create(body, { ...errand.options, signal: abort.signal });
    const { seen } = await readToEnd(
      (async function* () {
        for await (const chunk of stream) {
          yield chunk;
          if (chunk.choices[0]?.delta.content) abort.abort();
        }
      })(),
    );
    expect(seen.length).toBeGreaterThan(0);
    const [call] = await world.callsFor(errand);
    expect(call).toMatchObject({ outcome: 'aborted' });
  });
});

describe.concurrent.for(anthropicMajors)('%s, when a provider breaks off', (major) => {
  const client = () => anthropic(major, world.url);
  const { APIError } = anthropicClass(major);

  test.for(table)('throws in a stream ($provider: $fault)', async ({ fault, provider }) => {
    const errand = world.errand();
    const body = { model: `${provider}/sandbox/${fault}`, max_tokens: 100, messages };
    const stream = await client().messages.create({ ...body, stream: true }, errand.options);
    const { seen, error } = await readToEnd(stream);
    expect(seen).toMatchObject([{ type: 'message_start' }, ...seen.slice(1).map(() => expect.anything())]);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ type: 'api_error' });
    expect(JSON.stringify(seen)).not.toContain('message_stop');
    expect(await world.callsFor(errand)).toHaveLength(1);
  });

  test.for(['anthropic', 'openai'])('is told words as %s writes them, not at the end', async (provider) => {
    const body = { model: `${provider}/sandbox/drip-60+tokens-24`, max_tokens: 100, messages };
    const { seen } = await readToEnd(await client().messages.create({ ...body, stream: true }));
    expect(seen.filter((event) => JSON.stringify(event).includes('text_delta')).length).toBeGreaterThan(3);
  });

  test.for(['anthropic', 'openai'])("throws in the SDK's helper (%s)", async (provider) => {
    const body = { model: `${provider}/sandbox/drip-200+error-event`, max_tokens: 100, messages };
    await expect(client().messages.stream(body).finalMessage()).rejects.toThrow(APIError);
  });

  test('leaves a stream whenever it likes: the job goes on, and its result is there', async () => {
    const errand = world.errand();
    const body = { model: 'anthropic/sandbox/drip-20+tokens-40', max_tokens: 100, messages };
    const { data: stream, response } = await client()
      .messages.create({ ...body, stream: true }, errand.options)
      .withResponse();
    for await (const event of stream) {
      if (event.type === 'content_block_delta') break;
    }
    const id = response.headers.get('x-job-id');
    await expect
      .poll(() => world.gateway().get(`/v1/jobs/${id}/result`), { timeout: 10_000 })
      .toMatchObject({ status: 200, body: { type: 'message', stop_reason: 'end_turn', usage: { output_tokens: 40 } } });
    expect(await world.callsFor(errand)).toHaveLength(1);
  });
});

test('what is asked for whole fails whole', async () => {
  const client = openAI('openai 7', world.url);
  for (const fault of ['truncate', 'malformed-json', 'wrong-content-type', 'reset']) {
    const body = { model: `openai/sandbox/${fault}`, messages };
    await expect(client.chat.completions.create(body), fault).rejects.toMatchObject({ status: 502 });
  }
  expect(await take(await client.models.list())).not.toEqual([]);
});
