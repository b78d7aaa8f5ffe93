import { type RunningSandbox, startSandbox } from '@llm-gateway/sandbox/start-sandbox';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { NativeApi } from '@llm-gateway/shared/contracts/native-body';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { createSandboxClient } from '@llm-gateway/testkit/sandbox-client';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAnthropic } from './providers/anthropic/index.ts';
import { serveAlways } from './providers/conformance-bench.ts';
import { createOpenAI } from './providers/openai/index.ts';
import { acceptJob, readRows } from './test-job.ts';
import { openLaneBench } from './test-lanes.ts';

const { redis, keys, serve, enqueue, read } = openLaneBench();

let sandbox: RunningSandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ host: '127.0.0.1', port: 0 });
});
afterAll(() => sandbox.close());
const counter = createTokenCounter();
afterAll(() => counter.close());

const text = 'Tell me about bears, please.';
const chat = { messages: [{ role: 'user', content: text }] };

const asks: Record<string, { api: NativeApi; body: Record<string, unknown>; texts?: string[] }> = {
  'a chat': { api: 'chat', body: chat },
  'a completion': { api: 'completions', body: { prompt: text, max_tokens: 50 } },
  'completions of several texts': {
    api: 'completions',
    body: { prompt: [text, 'And foxes?'], max_tokens: 50 },
    texts: [text, 'And foxes?'],
  },
  'a completion of tokens': {
    api: 'completions',
    body: { prompt: [1, 2, 3, 4, 5], max_tokens: 50 },
    texts: [' a'.repeat(5)],
  },
  'the best of several': { api: 'completions', body: { prompt: text, max_tokens: 50, best_of: 3 } },
  'a response': { api: 'responses', body: { input: text } },
  'a message': { api: 'messages', body: { ...chat, max_tokens: 100 } },
  embeddings: { api: 'embeddings', body: { input: [text, 'foxes'] }, texts: [text, 'foxes'] },
  'embeddings of tokens': { api: 'embeddings', body: { input: [[1, 2], [3]] }, texts: [' a a', ' a'] },
  'a chat of several answers': { api: 'chat', body: { ...chat, n: 3 } },
  'a chat that reasons': { api: 'chat', body: { ...chat, reasoning_effort: 'high' } },
};

async function bookedAndBilled(order: string, { api, body, texts = [text] }: (typeof asks)[string]) {
  const create = api === 'messages' ? createAnthropic : createOpenAI;
  const baseURL = api === 'messages' ? sandbox.url : `${sandbox.url}/v1`;
  const provider = create({ name: 'sandbox', mode: 'sandbox', apiKey: 'any', timeoutMs: 10_000, counter, baseURL });
  serve(provider, { deps: { callLimits: { timeoutMs: 5000, idleMs: 300 } } });
  const model = `sandbox/${order}`;
  const generation = { messages: texts.map((said) => ({ role: 'user', text: said })), native: { api, body } };
  const id = await acceptJob(redis(), keys(), {
    target: model,
    model,
    maxAttempts: '1',
    generation: JSON.stringify(generation),
  });
  await enqueue(id, { attempts: 1 });
  const ended = async () => isFinal((await read(id)).state);
  await waitFor(ended, { what: 'the end of the job' });
  const { request } = await read(id);
  const bill = await createSandboxClient(sandbox.url).bill({ request_id: request });
  const rows = await readRows(redis(), keys());
  return { rows, bill };
}

const orders = [
  'ok',
  'no-usage',
  'malformed-json',
  'reset-mid',
  'truncate',
  'hang-mid',
  'status-500',
  'wrong-content-type',
];

// Of thoughts that nobody is shown, nobody but the provider knows how many there were.
const isHidden = (order: string, name: string) =>
  name === 'a chat that reasons' && !['ok', 'status-500', 'wrong-content-type'].includes(order);

describe.for(orders)('a call that ends as %s is booked as it is billed, or left open', (order) => {
  test.for(Object.entries(asks).filter(([name]) => !isHidden(order, name)))('%s', async ([, ask]) => {
    const { rows, bill } = await bookedAndBilled(order, ask);
    expect(rows).toHaveLength(1);
    const [row] = rows;
    if (row?.status === 'unsettled') {
      // Not streamed, so that nothing had been told.
      expect(bill.calls).toBe(1);
      expect(row).toMatchObject({ costNanoUsd: null, usageSource: 'unknown' });
      expect(ask.api === 'embeddings' || 'best_of' in ask.body).toBe(true);
      return;
    }
    expect(row).toMatchObject({ promptTokens: bill.prompt_tokens, completionTokens: bill.completion_tokens });
    // The sandbox's prices are 1 and 2 USD for a million tokens.
    expect(row?.costNanoUsd).toBe(String(1000 * bill.prompt_tokens + 2000 * bill.completion_tokens));
  });
});

test('a whole answer that lacks what an answer has was answered, and is charged', async () => {
  const server = await serveAlways(200, { object: 'list', usage: { prompt_tokens: 5, total_tokens: 5 } });
  const baseURL = `${server.url}/v1`;
  const provider = createOpenAI({
    name: 'sandbox',
    mode: 'sandbox',
    apiKey: 'any',
    timeoutMs: 10_000,
    counter,
    baseURL,
  });
  serve(provider);
  const generation = { messages: [{ role: 'user', text }], native: { api: 'embeddings', body: { input: text } } };
  const id = await acceptJob(redis(), keys(), { maxAttempts: '1', generation: JSON.stringify(generation) });
  await enqueue(id, { attempts: 1 });
  await waitFor(async () => isFinal((await read(id)).state), { what: 'the end of the job' });
  expect(await readRows(redis(), keys())).toMatchObject([
    { status: 'failed', code: 'provider_bad_answer', usageSource: 'estimated', promptTokens: 7, costNanoUsd: '7000' },
  ]);
  await server.close();
});
