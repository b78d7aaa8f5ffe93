import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '@llm-gateway/testkit/random';
import type { Client } from './orders.ts';

/** What a client asks in a vendor's dialect, and how it takes the answer. */
export interface DialectOrder {
  /** Goes all the way to the provider, as a client's own id does. */
  requestId: string;
  path: string;
  body: object;
  /**
   * It waits; it loses patience and asks again, as the SDKs do; it reads a stream to the end; it leaves a stream; or it
   * comes back later.
   */
  way: 'wait' | 'retry' | 'stream' | 'leave' | 'async';
}

/** Models whose calls go wrong, or take their time, at providers that speak a dialect of their own. */
const orders = ['fail-once', 'drip-30+tokens-12', 'slow-300', 'truncate', 'status-400', 'error-event'];
const faultyModels = ['openai', 'anthropic'].flatMap((provider) =>
  orders.map((order) => `${provider}/sandbox/${order}`),
);

/** Names of the operator's own, behind each of which the first model fails: before a word, and in the middle. */
export const routingFile = `
models:
  spare: { targets: [openai/sandbox/status-500, anthropic/claude-haiku-4-5] }
  broken: { targets: [openai/sandbox/error-event, anthropic/sandbox/status-500, openai/gpt-4o] }
`;

/** Nobody sells them, so that they cost what we say. */
export const pricesFile = JSON.stringify({
  models: Object.fromEntries(
    [...faultyModels, 'openai/sandbox/status-500', 'anthropic/sandbox/status-500'].map((model) => [
      model,
      { input_per_1m_usd: 1, output_per_1m_usd: 2 },
    ]),
  ),
});

const models = ['gpt-4o', 'gpt-4o', 'claude-haiku-4-5', 'claude-haiku-4-5', 'spare', 'broken'];

const parameters = { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } };

function chat(model: string, prompt: string, max: number, withTool: boolean): object {
  const tools = [{ type: 'function', function: { name: 'weather', parameters } }];
  const content = withTool ? `${prompt} [[tool]]` : prompt;
  return { model, messages: [{ role: 'user', content }], max_tokens: max, ...(withTool ? { tools } : {}) };
}

function messages(model: string, prompt: string, max: number, withTool: boolean): object {
  const tools = [{ name: 'weather', input_schema: parameters }];
  const content = withTool ? `${prompt} [[tool]]` : prompt;
  return { model, messages: [{ role: 'user', content }], max_tokens: max, ...(withTool ? { tools } : {}) };
}

function responses(model: string, prompt: string, max: number, withTool: boolean): object {
  const tools = [{ type: 'function', name: 'weather', parameters, strict: false }];
  const input = withTool ? `${prompt} [[tool]]` : prompt;
  return { model, input, max_output_tokens: max, ...(withTool ? { tools } : {}) };
}

const dialects = [
  { path: '/v1/chat/completions', bodyOf: chat },
  { path: '/v1/messages', bodyOf: messages },
  { path: '/v1/responses', bodyOf: responses },
];

/** An order in any dialect, of a provider that speaks it or of another. */
export function makeDialectOrder(requestId: string, random: Random): DialectOrder {
  const prompt = `${requestId}: ${'word '.repeat(random.between(1, 40))}🐻 Bär`;
  if (random.next() < 0.1) {
    const body = { model: 'text-embedding-3-small', input: [prompt, 'Bär'], dimensions: 8 };
    return { requestId, path: '/v1/embeddings', body, way: random.pick(['wait', 'retry', 'async']) };
  }
  const { path, bodyOf } = random.pick(dialects);
  const isFaulty = random.next() < 0.25;
  const model = isFaulty ? random.pick(faultyModels) : random.pick(models);
  // What a call that breaks off has cost is an estimate, which is exact for nothing but text.
  const withTool = !isFaulty && model !== 'broken' && random.next() < 0.2;
  const way = random.pick(['wait', 'retry', 'stream', 'stream', 'stream', 'leave', 'async'] as const);
  const isBackground = path === '/v1/responses' && random.next() < 0.3;
  const body = {
    ...bodyOf(model, prompt, random.between(50, 300), withTool),
    // Alike, and told to be, so that some share a call.
    ...(random.next() < 0.1 ? { temperature: 0 } : {}),
    ...(isBackground ? { background: true } : {}),
  };
  const isStreamed = way === 'stream' || way === 'leave';
  return { requestId, path, body: isStreamed ? { ...body, stream: true } : body, way };
}

/** What came of dialect orders, by request. */
export interface DialectTally {
  accepted: Set<string>;
  /** Requests of which the client has a whole answer. */
  answered: Set<string>;
  /** Streams that ended without a word. */
  silent: string[];
  statuses: Map<number, number>;
  retried: Set<string>;
  /** When each request was sent, time after time. */
  sent: Map<string, number[]>;
}

export const newDialectTally = (): DialectTally => ({
  accepted: new Set(),
  answered: new Set(),
  silent: [],
  statuses: new Map(),
  retried: new Set(),
  sent: new Map(),
});

const triesMax = 30;

/** Places an order as an official SDK does, and takes what comes of it. */
export async function placeInDialect(
  order: DialectOrder,
  client: Client,
  random: Random,
  tally: DialectTally,
): Promise<void> {
  let last: Said | undefined;
  for (let tried = 0; tried < triesMax; tried += 1) {
    last = await attempt(order, tried, client, random, tally);
    if (last?.isOver) return;
    tally.retried.add(order.requestId);
    await pause(last?.waitMs ?? random.between(20, 100));
  }
  throw new Error(`${order.requestId}: no end after ${triesMax} tries: ${JSON.stringify({ order, last })}`);
}

interface Said {
  /** There is nothing to ask again. */
  isOver: boolean;
  status: number;
  text: string;
  /** How long to wait before. */
  waitMs?: number;
}

/** Undefined when the client has lost its patience. */
async function attempt(
  { requestId, path, body, way }: DialectOrder,
  tried: number,
  { urls, key }: Client,
  random: Random,
  tally: DialectTally,
): Promise<Said | undefined> {
  const patience = new AbortController();
  const isImpatient = way === 'retry' && tried < 3;
  const timer = isImpatient ? setTimeout(() => patience.abort(), random.between(100, 400)) : undefined;
  tally.sent.set(requestId, [...(tally.sent.get(requestId) ?? []), Date.now()]);
  try {
    const response = await fetch(`${random.pick(urls())}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${key}`,
        'x-request-id': requestId,
        'x-stainless-retry-count': String(tried),
        ...(way === 'async' ? { prefer: 'respond-async' } : {}),
      },
      body: JSON.stringify(body),
      signal: patience.signal,
    });
    const id = response.headers.get('x-job-id');
    if (id !== null) tally.accepted.add(id);
    tally.statuses.set(response.status, (tally.statuses.get(response.status) ?? 0) + 1);
    if (response.status === 200 && way === 'leave') {
      await response.body?.getReader().read();
      patience.abort();
      return { isOver: true, status: 200, text: '' };
    }
    const text = await response.text();
    if (response.status === 202) tally.accepted.add((JSON.parse(text) as { id: string }).id);
    if (response.status === 200) noteEnd(requestId, way, text, tally);
    const waitMs = Math.min(1000, Number(response.headers.get('retry-after-ms') ?? 50));
    return { isOver: !shouldRetry(response), status: response.status, text, waitMs };
  } catch (error) {
    if (patience.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** A stream says how it ended, one way or the other. */
function noteEnd(requestId: string, way: DialectOrder['way'], text: string, tally: DialectTally): void {
  const isWhole = way !== 'stream' || /\[DONE\]|"message_stop"/.test(text);
  const hasFailed = way === 'stream' && /^data: \{.*"error":\{/m.test(text);
  if (isWhole && !hasFailed) tally.answered.add(requestId);
  if (!isWhole && !hasFailed) tally.silent.push(requestId);
}

function shouldRetry({ status, headers }: Response): boolean {
  const told = headers.get('x-should-retry');
  if (told !== null) return told === 'true';
  return status === 408 || status === 409 || status === 429 || status >= 500;
}
