import Anthropic from '@anthropic-ai/sdk';
import { adminKey, type Gateway, post, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: { AUTH_MODE: 'keys', MAX_REQUESTS_PER_MINUTE: '100000', MAX_REQUESTS_PER_HOUR: '100000' },
  });
});
afterAll(() => gateway?.stop());

/** A key of a tenant of its own. */
async function newKey(tenant: string): Promise<string> {
  const admin = { authorization: `Bearer ${adminKey}` };
  await post(`${gateway.url}/v1/admin/tenants`, { id: tenant }, admin);
  return (await post(`${gateway.url}/v1/admin/keys`, { tenant_id: tenant }, admin)).body.key;
}

test("OpenAI's client runs chat completions in a batch", async () => {
  const openai = new OpenAI({ apiKey: await newKey('chatters'), baseURL: `${gateway.url}/v1` });
  const lineOf = (custom_id: string, body: object) =>
    JSON.stringify({ custom_id, method: 'POST', url: '/v1/chat/completions', body });
  const messages = [{ role: 'user', content: 'Say hello' }];
  const lines = [
    lineOf('good', { model: 'gpt-4o', messages, temperature: null }),
    lineOf('stream', { model: 'gpt-4o', messages, stream: true }),
    lineOf('empty', { model: 'gpt-4o', messages: [] }),
    lineOf('claude', { model: 'claude-sonnet-4-5', messages, max_tokens: 50 }),
    lineOf('unknown', { model: 'gpt-none', messages }),
  ];
  const file = await openai.files.create({
    file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'),
    purpose: 'batch',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  });
  expect((await openai.files.waitForProcessing(file.id)).status).toBe('processed');
  const started = await openai.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
  const batch = await waitFor(
    async () => {
      const now = await openai.batches.retrieve(started.id);
      return now.status === 'completed' ? now : undefined;
    },
    { what: 'the batch has ended', intervalMs: 100 },
  );
  expect(batch.request_counts).toEqual({ total: 5, completed: 2, failed: 3 });
  expect(batch.usage?.total_tokens).toBeGreaterThan(0);
  const read = async (id = '') =>
    (await (await openai.files.content(id)).text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  expect(await read(batch.output_file_id)).toMatchObject([
    { custom_id: 'good', response: { body: { object: 'chat.completion', choices: [{ finish_reason: 'stop' }] } } },
    { custom_id: 'claude', response: { body: { object: 'chat.completion' } } },
  ]);
  expect(await read(batch.error_file_id)).toMatchObject([
    { custom_id: 'stream', response: { status_code: 400, body: { error: { param: 'stream' } } } },
    { custom_id: 'empty', response: { status_code: 400, body: { error: { param: 'messages' } } } },
    { custom_id: 'unknown', response: { body: { error: { type: 'invalid_request_error' } } } },
  ]);
});

test.for([
  ['/v1/embeddings', { model: 'text-embedding-3-small', input: 'hello' }, { object: 'list', data: [{ index: 0 }] }],
  ['/v1/responses', { model: 'gpt-4o', input: 'Say hello' }, { object: 'response', status: 'completed' }],
  ['/v1/completions', { model: 'gpt-4o', prompt: 'Say hello' }, { object: 'text_completion' }],
] as const)("OpenAI's client runs requests to %s in a batch", async ([endpoint, body, answer]) => {
  const openai = new OpenAI({ apiKey: await newKey('others'), baseURL: `${gateway.url}/v1` });
  const line = JSON.stringify({ custom_id: 'a', method: 'POST', url: endpoint, body });
  const file = await openai.files.create({ file: await toFile(Buffer.from(line), 'in.jsonl'), purpose: 'batch' });
  const { id } = await openai.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h' });
  const batch = await waitFor(
    async () => {
      const now = await openai.batches.retrieve(id);
      return now.status === 'completed' ? now : undefined;
    },
    { what: 'the batch has ended', intervalMs: 100 },
  );
  const content = await openai.files.content(batch.output_file_id ?? batch.error_file_id ?? '');
  expect(JSON.parse(await content.text())).toMatchObject({ response: { status_code: 200, body: answer } });
  expect(batch.usage?.input_tokens).toBeGreaterThan(0);
});

describe("Anthropic's client", () => {
  let client: Anthropic;
  beforeAll(async () => {
    client = new Anthropic({ apiKey: await newKey('messengers'), baseURL: gateway.url });
  });

  const ended = (id: string) =>
    waitFor(
      async () => {
        const batch = await client.messages.batches.retrieve(id);
        return batch.processing_status === 'ended' ? batch : undefined;
      },
      { what: `${id} has ended`, intervalMs: 100, timeoutMs: 30_000 },
    );
  const params = {
    model: 'claude-sonnet-4-5',
    max_tokens: 100,
    messages: [{ role: 'user' as const, content: 'Say hello' }],
  };
  const resultsOf = async (id: string) => {
    const results = new Map<string, Anthropic.Messages.MessageBatchResult>();
    for await (const { custom_id, result } of await client.messages.batches.results(id)) results.set(custom_id, result);
    return results;
  };

  test('runs messages in a batch and streams the results', async () => {
    const started = await client.messages.batches.create({
      requests: [
        ...Array.from({ length: 20 }, (_, index) => ({ custom_id: `good-${index}`, params })),
        { custom_id: 'no-max-tokens', params: { ...params, max_tokens: undefined as unknown as number } },
        { custom_id: 'fails', params: { ...params, model: 'sandbox/status-400' } },
      ],
    });
    expect(started).toMatchObject({
      type: 'message_batch',
      processing_status: 'in_progress',
      request_counts: { processing: 22 },
    });
    const batch = await ended(started.id);
    expect(batch.request_counts).toEqual({ processing: 0, succeeded: 20, errored: 2, canceled: 0, expired: 0 });
    const results = await resultsOf(started.id);
    expect(results.size).toBe(22);
    expect(results.get('good-7')).toMatchObject({
      type: 'succeeded',
      message: { type: 'message', role: 'assistant', content: [{ type: 'text' }], stop_reason: 'end_turn' },
    });
    for (const name of ['no-max-tokens', 'fails']) {
      expect(results.get(name)).toMatchObject({
        type: 'errored',
        error: { type: 'error', error: { type: expect.stringMatching(/_error$/) }, request_id: expect.any(String) },
      });
    }
  });

  test('cancels, lists and removes batches', async () => {
    const requests = Array.from({ length: 5 }, (_, index) => ({
      custom_id: `slow-${index}`,
      params: { ...params, model: 'sandbox/slow-60000' },
    }));
    const { id } = await client.messages.batches.create({ requests });
    await expect(client.messages.batches.delete(id)).rejects.toMatchObject({ status: 400 });
    expect(await client.messages.batches.cancel(id)).toMatchObject({ processing_status: 'canceling' });
    expect((await ended(id)).request_counts).toMatchObject({ canceled: 5, succeeded: 0 });
    expect(new Set([...(await resultsOf(id)).values()].map(({ type }) => type))).toEqual(new Set(['canceled']));
    const listed: string[] = [];
    for await (const batch of client.messages.batches.list({ limit: 1 })) listed.push(batch.id);
    expect(listed[0]).toBe(id);
    expect(listed.length).toBeGreaterThanOrEqual(1);
    expect(await client.messages.batches.delete(id)).toEqual({ id, type: 'message_batch_deleted' });
    await expect(client.messages.batches.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });

  test("sees nothing of another tenant's, and has no files", async () => {
    const { id } = await client.messages.batches.create({ requests: [{ custom_id: 'a', params }] });
    const stranger = new Anthropic({ apiKey: await newKey('strangers'), baseURL: gateway.url });
    for (const attempt of [
      () => stranger.messages.batches.retrieve(id),
      () => stranger.messages.batches.cancel(id),
      () => stranger.messages.batches.delete(id),
      () => stranger.messages.batches.results(id),
      () => stranger.beta.files.list(),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ status: 404 });
    }
  });
});
