import Anthropic, { APIError as AnthropicError } from '@anthropic-ai/sdk';
import { type Gateway, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import OpenAI, { APIError as OpenAIError } from 'openai';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { take } from '../sdk/take.ts';
import { bodyOf, cases, type DialectCase, nameOf, openDialectStream, wholeOf } from './dialects/open-dialect-stream.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    // The second one will be killed, and the third one told to stop.
    apis: 3,
    workers: 1,
    environment: { MAX_REQUESTS_PER_MINUTE: '100000', MAX_REQUESTS_PER_HOUR: '100000', DRAIN_MS: '1000' },
  });
});
afterAll(() => gateway?.stop());

/** Opens a stream of every kind at once. */
const openAll = (story: string, order: string, url = gateway.apis[0]?.url ?? '') =>
  Promise.all(
    cases.map(async (each) => {
      const name = `${story}-${nameOf(each)}`;
      const ask = { url, model: `${each.provider}/sandbox/${order}`, prompt: name, headers: { 'x-request-id': name } };
      return { ...each, name, ask, stream: await openDialectStream(each.dialect, ask) };
    }),
  );

const together = <T>(list: readonly T[], check: (each: T) => Promise<void>) => Promise.all(list.map(check));

const killWorkers = async () => {
  await Promise.all(gateway.workers.splice(0).map((worker) => worker.stop('SIGKILL')));
  await gateway.startWorker();
};

const ended = (id: string) =>
  waitFor(
    async () => {
      const { body: job } = await send(`${gateway.apis.at(-1)?.url}/v1/jobs/${id}`);
      return job.finished_at !== null && job;
    },
    { what: `${id} ends`, timeoutMs: 30_000 },
  );

const calls = (name: string) => gateway.sandbox.calls({ request_id: name });
const billedCalls = async (name: string) => (await gateway.sandbox.bill({ request_id: name })).calls;

describe('a worker that is killed', () => {
  test('in the middle of streams: every client gets an error, never a silent end nor the words of two calls', async () => {
    const asked = await openAll('killed-in-mid-stream', 'drip-50+tokens-150');
    await Promise.all(asked.map(({ stream }) => stream.pieces(3)));
    await killWorkers();
    await together(asked, async (each) => {
      const { name, dialect, stream } = each;
      const end = await stream.end();
      expect(end, name).toMatchObject({ how: 'error', error: { message: expect.stringContaining('broke off') } });
      const error = end.how === 'error' && end.error;
      expect(error, name).toBeInstanceOf(dialect === 'messages' ? AnthropicError : OpenAIError);
      const whole = await wholeOf(gateway.sandboxProcess.url, each);
      expect(whole.startsWith(stream.text()), `${name}: ${stream.text()}`).toBe(true);
      expect(stream.text().length, name).toBeLessThan(whole.length);
      expect(await ended(stream.jobId)).toMatchObject({ status: 'failed', error: { code: 'answer_broken_off' } });
      expect(await calls(name), name).toHaveLength(1);
      expect(await billedCalls(name), name).toBe(1);
    });
  });

  test('in the middle of a call that several share: each of them gets an error, and nobody pays for another call', async () => {
    const name = 'killed-in-a-shared-call';
    const ask = { model: 'openai/sandbox/drip-50+tokens-150', prompt: name, more: { temperature: 0 } };
    const open = () => openDialectStream('chat', { ...ask, url: gateway.url, headers: { 'x-request-id': name } });
    const leader = await open();
    const streams = [leader, await open(), await open()];
    await Promise.all(streams.map((stream) => stream.pieces(3)));
    await killWorkers();
    const whole = await wholeOf(gateway.sandboxProcess.url, { dialect: 'chat', provider: 'openai', ask });
    for (const stream of streams) {
      expect(await stream.end()).toMatchObject({ how: 'error' });
      expect(whole.startsWith(stream.text())).toBe(true);
      expect(await ended(stream.jobId)).toMatchObject({ status: 'failed', error: { code: 'answer_broken_off' } });
    }
    expect(await calls(name)).toHaveLength(1);
  });

  test('before the first word: the streams go on with the next worker, and their clients notice nothing', async () => {
    const opening = openAll('killed-before-the-first-word', 'slow-1500+tokens-20');
    const names = cases.map((each) => `killed-before-the-first-word-${nameOf(each)}`);
    await Promise.all(names.map((name) => gateway.sandbox.openCall(name)));
    await killWorkers();
    await together(await opening, async (each) => {
      const { name, stream } = each;
      expect(await stream.end(), name).toEqual({ how: 'complete' });
      expect(stream.text(), name).toBe(await wholeOf(gateway.sandboxProcess.url, each));
      expect(await calls(name), name).toHaveLength(2);
      expect(await billedCalls(name), name).toBe(1);
      expect(await ended(stream.jobId)).toMatchObject({ status: 'completed' });
    });
  });
});

/** A client that asks one api after the other, as behind a balancer that leaves out those that do not answer. */
const balanced = (urls: readonly string[]) => {
  const sent: string[] = [];
  const send: typeof fetch = (input, init) => {
    const { pathname, search } = new URL(String(input));
    const url = urls[Math.min(sent.length, urls.length - 1)];
    sent.push(String(new Headers(init?.headers).get('x-stainless-retry-count')));
    return fetch(`${url}${pathname}${search}`, init);
  };
  return { send, sent };
};

/** Asks for the whole answer of every kind through an api that will be gone, and another one for the retries. */
const askAll = (story: string, order: string, urls: readonly string[]) =>
  cases.map((each) => {
    const name = `${story}-${nameOf(each)}`;
    const ask = { model: `${each.provider}/sandbox/${order}`, prompt: name };
    return { ...each, name, ask, ...whole(each.dialect, ask, name, urls) };
  });

function whole(
  dialect: DialectCase['dialect'],
  ask: { model: string; prompt: string },
  name: string,
  urls: readonly string[],
) {
  const { send, sent } = balanced(urls);
  const patient = { apiKey: 'none', maxRetries: 5, fetch: send, defaultHeaders: { 'x-request-id': name } };
  const body = bodyOf(dialect, ask) as never;
  const openai = new OpenAI({ ...patient, baseURL: `${urls[0]}/v1` });
  const asked = {
    chat: async () => (await openai.chat.completions.create(body)).choices[0]?.message.content,
    responses: async () => (await openai.responses.create(body)).output_text,
    messages: async () => {
      const { content } = await new Anthropic({ ...patient, baseURL: urls[0] ?? '' }).messages.create(body);
      return content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    },
  };
  return { sent, answer: asked[dialect]() };
}

/** A response's stream anew, or what of it comes after an event. */
async function eventsOf(url: string, id: string, after?: number) {
  const client = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1` });
  const query = { stream: true as const, ...(after === undefined ? {} : { starting_after: after }) };
  return take(await client.responses.retrieve(id, query));
}

/** An api beside the one that stays. */
function another() {
  const api = gateway.apis.splice(1, 1)[0];
  if (!api) throw new Error('no api is left for this test');
  return api;
}

describe('an api that is killed', () => {
  test('in the middle of streams and while clients wait: the jobs go on, and another one gives what is missing', async () => {
    const dying = another();
    const streams = await openAll('api-killed', 'drip-50+tokens-60', dying.url);
    const waiting = askAll('api-killed-waiting', 'slow-2000+tokens-20', [dying.url, gateway.url]);
    await Promise.all(streams.map(({ stream }) => stream.pieces(3)));
    await Promise.all(waiting.map(({ name }) => gateway.sandbox.openCall(name)));
    await dying.stop('SIGKILL');
    await together(streams, async (each) => {
      const { name, dialect, stream } = each;
      expect(await stream.end(), name).toMatchObject({ how: 'error' });
      expect(await ended(stream.jobId), name).toMatchObject({ status: 'completed' });
      if (dialect === 'responses') {
        const [opening] = stream.events;
        const rest = await eventsOf(gateway.url, opening.response.id, stream.events.at(-1).sequence_number);
        const all = await eventsOf(gateway.url, opening.response.id);
        expect([...stream.events, ...rest], name).toEqual(all);
        expect(all.at(-1), name).toMatchObject({ type: 'response.completed' });
      }
      const { body } = await send(`${gateway.url}/v1/jobs/${stream.jobId}/result`);
      expect(JSON.stringify(body), name).toContain(JSON.stringify(await wholeOf(gateway.sandboxProcess.url, each)));
      expect(await calls(name), name).toHaveLength(1);
      expect(await billedCalls(name), name).toBe(1);
    });
    await expectRetriesToFindTheirJobs(waiting);
  });
});

/** Every client has got its answer by its own second try, and none was bought twice. */
const expectRetriesToFindTheirJobs = (waiting: ReturnType<typeof askAll>) =>
  together(waiting, async (each) => {
    expect(await each.answer, each.name).toBe(await wholeOf(gateway.sandboxProcess.url, each));
    expect(each.sent, each.name).toEqual(['0', '1']);
    expect(await calls(each.name), each.name).toHaveLength(1);
  });

describe('an api that is told to stop', () => {
  test("ends streams with the dialect's error event, and sends who waits to another one", async () => {
    const stopping = another();
    const streams = await openAll('api-stopped', 'drip-40+tokens-150', stopping.url);
    const waiting = askAll('api-stopped-waiting', 'slow-4000+tokens-20', [stopping.url, gateway.url]);
    await Promise.all(streams.map(({ stream }) => stream.pieces(3)));
    await Promise.all(waiting.map(({ name }) => gateway.sandbox.openCall(name)));
    expect(await stopping.stop('SIGTERM')).toBe(0);
    await together(streams, async ({ name, dialect, stream }) => {
      const end = await stream.end();
      expect(end, name).toMatchObject({ how: 'error', error: { message: expect.stringContaining('shutting down') } });
      const error = end.how === 'error' && end.error;
      expect(error, name).toBeInstanceOf(dialect === 'messages' ? AnthropicError : OpenAIError);
      expect(await ended(stream.jobId), name).toMatchObject({ status: 'completed' });
      expect(await calls(name), name).toHaveLength(1);
    });
    await expectRetriesToFindTheirJobs(waiting);
  });
});
