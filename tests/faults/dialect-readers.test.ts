import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  bodyOf,
  cases,
  type DialectCase,
  nameOf,
  openDialectStream,
  pathOf,
  textOf,
  wholeOf,
  withoutComments,
} from './dialects/open-dialect-stream.ts';

const environment = { MAX_REQUESTS_PER_MINUTE: '100000', MAX_REQUESTS_PER_HOUR: '100000' };
let gateway: Gateway;
/** One that keeps next to nothing of its logs. */
let forgetful: Gateway;
beforeAll(async () => {
  const servers = { redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') };
  [gateway, forgetful] = await Promise.all([
    startGateway({ ...servers, apis: 2, environment }),
    startGateway({ ...servers, environment: { ...environment, EVENT_LOG_MAX_BYTES: '10000' } }),
  ]);
});
afterAll(() => Promise.all([gateway?.stop(), forgetful?.stop()]));

interface Asked {
  model: string;
  prompt: string;
  more?: object;
}

/** Asks for a stream under a key: whoever asks the same under it reads the same job. */
const openBytes = (url: string, { dialect, key, ask }: { dialect: DialectCase['dialect']; key: string; ask: Asked }) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key, 'x-request-id': key };
    httpRequest(`${url}${pathOf[dialect]}`, { method: 'POST', headers, agent: false }, resolve)
      .on('error', reject)
      .end(JSON.stringify({ ...bodyOf(dialect, ask), stream: true }));
  });

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return withoutComments(Buffer.concat(chunks).toString());
}

const apiUrl = (number: number) => gateway.apis[number]?.url ?? '';
const billedCalls = async (name: string, from = gateway) => (await from.sandbox.bill({ request_id: name })).calls;
const ended = (id: unknown, from = gateway) =>
  waitFor(
    async () => {
      const { body: job } = await send(`${from.url}/v1/jobs/${id}`);
      return job.finished_at !== null && job;
    },
    { what: `${id} ends`, timeoutMs: 30_000 },
  );

describe.concurrent.for(cases)('readers of one $dialect stream of $provider', ({ dialect, provider }) => {
  const aboutIt = (story: string, order: string) => {
    const key = `${story}-${nameOf({ dialect, provider })}`;
    return { dialect, provider, key, ask: { model: `${provider}/sandbox/${order}`, prompt: key } };
  };

  test('get the same bytes: at once, late, and after the end', async () => {
    const asked = aboutIt('several', 'drip-20+tokens-80');
    const first = await openBytes(apiUrl(0), asked);
    const others = await Promise.all([0, 1, 1].map((api) => openBytes(apiUrl(api), asked)));
    const reading = [first, ...others].map(readAll);
    await waitFor(
      async () => (await send(`${apiUrl(1)}/v1/jobs/${first.headers['x-job-id']}`)).body.output_chars > 100,
      { what: 'it is half-way' },
    );
    const late = readAll(await openBytes(apiUrl(1), asked));
    const [live, ...rest] = await Promise.all([...reading, late]);
    const after = await readAll(await openBytes(apiUrl(0), asked));
    for (const bytes of [...rest, after]) expect(bytes).toBe(live);
    expect(live).toMatch(dialect === 'messages' ? /message_stop/ : /\[DONE\]\n\n$/);
    expect(await billedCalls(asked.key)).toBe(1);
  });

  test('that reads nothing until all has been said gets every byte', async () => {
    const { ask, ...about } = aboutIt('slow', 'tokens-25000');
    const limit = { [dialect === 'responses' ? 'max_output_tokens' : 'max_tokens']: 50_000 };
    const asked = { ...about, ask: { ...ask, more: limit } };
    // Of OpenAI's own chunks that is more than the kernel takes for a reader that does not read.
    const slow = await openBytes(apiUrl(0), asked);
    slow.pause();
    expect(await ended(slow.headers['x-job-id'])).toMatchObject({ status: 'completed' });
    const late = await readAll(await openBytes(apiUrl(1), asked));
    const bytes = await readAll(slow);
    expect(bytes.length).toBe(late.length);
    expect(bytes === late).toBe(true);
    expect(await billedCalls(asked.key)).toBe(1);
  });
});

describe.concurrent.for(cases)('equal $dialect streams of $provider', ({ dialect, provider }) => {
  /** One that begins a call, and two that come to share it. */
  async function openThree(story: string) {
    const name = `${story}-${nameOf({ dialect, provider })}`;
    const ask = { model: `${provider}/sandbox/drip-30+tokens-120`, prompt: name, more: { temperature: 0 } };
    const open = (api: number) =>
      openDialectStream(dialect, { url: apiUrl(api), headers: { 'x-request-id': name }, ...ask });
    const leader = await open(0);
    const followers = await Promise.all([open(0), open(1)]);
    const whole = wholeOf(gateway.sandboxProcess.url, { dialect, provider, ask });
    return { name, leader, followers, streams: [leader, ...followers], whole };
  }

  test('are one call, and each is complete', async () => {
    const { name, streams, whole } = await openThree('shared');
    expect(new Set(streams.map(({ jobId }) => jobId)).size).toBe(3);
    for (const stream of streams) {
      expect(await stream.end()).toEqual({ how: 'complete' });
      expect(stream.text()).toBe(await whole);
    }
    expect(await billedCalls(name)).toBe(1);
  });

  test('go on when the one that began them is cancelled', async () => {
    const { name, leader, followers, whole } = await openThree('leader-cancelled');
    await leader.pieces(2);
    expect((await post(`${apiUrl(1)}/v1/jobs/${leader.jobId}/cancel`, {})).status).toBeLessThan(300);
    expect(await leader.end()).toMatchObject({ how: 'error' });
    for (const stream of followers) {
      expect(await stream.end()).toEqual({ how: 'complete' });
      expect(stream.text()).toBe(await whole);
    }
    expect(await billedCalls(name)).toBe(1);
  });
});

describe.concurrent.for(cases)('a $dialect stream of $provider whose log starts anew', ({ dialect, provider }) => {
  test('is told whole to everybody: who reads it, who comes late, and who comes when it is over', async () => {
    const name = `forgotten-${nameOf({ dialect, provider })}`;
    const ask = { model: `${provider}/sandbox/drip-3+tokens-900`, prompt: name };
    const headers = { 'x-request-id': name, 'idempotency-key': name };
    const open = () => openDialectStream(dialect, { url: forgetful.url, headers, ...ask });
    const whole = await wholeOf(forgetful.sandboxProcess.url, { dialect, provider, ask });
    const live = [await open(), await open()];
    const [first] = live;
    await waitFor(() => (first?.text().length ?? 0) > whole.length / 2, { what: 'it is half-way' });
    const isOver = (await send(`${forgetful.url}/v1/jobs/${first?.jobId}`)).body.finished_at !== null;
    const late = await open();
    for (const stream of [...live, late]) expect(await stream.end()).toEqual({ how: 'complete' });
    const after = await open();
    expect(await after.end()).toEqual({ how: 'complete' });
    expect([...live, late, after].map((stream) => stream.text() === whole)).toEqual([true, true, true, true]);
    expect(isOver).toBe(false);
    const log = await send(`${forgetful.url}/v1/jobs/${first?.jobId}/events?starting_after=0`);
    expect(log.body).toContain('event: job.snapshot');
    expect(await billedCalls(name, forgetful)).toBe(1);
  });
});

const tool = (name: string) => ({
  description: name,
  parameters: {
    type: 'object',
    properties: Object.fromEntries(Array.from({ length: 40 }, (_, number) => [`member_${number}`, { type: 'string' }])),
    required: Array.from({ length: 40 }, (_, number) => `member_${number}`),
  },
});

describe.concurrent.for(cases)('calls of tools in a $dialect stream of $provider', ({ dialect, provider }) => {
  test('are told whole to everybody, although the log starts anew in the middle of them', async () => {
    const name = `tools-${nameOf({ dialect, provider })}`;
    const { description, parameters } = tool('find');
    const tools = {
      chat: [{ type: 'function', function: { name: 'find', description, parameters } }],
      responses: [{ type: 'function', name: 'find', description, parameters, strict: false }],
      messages: [{ name: 'find', description, input_schema: parameters }],
    };
    const ask = {
      model: `${provider}/sandbox/drip-3`,
      prompt: `${name} [[tool]] [[tool]]`,
      more: { tools: tools[dialect] },
    };
    const headers = { 'x-request-id': name, 'idempotency-key': name };
    const open = () => openDialectStream(dialect, { url: forgetful.url, headers, ...ask });
    const live = [await open(), await open()];
    await waitFor(() => (live[0]?.calls().length ?? 0) > 300, { what: 'a call is half-way' });
    const late = await open();
    const ends = await Promise.all([...live, late].map((stream) => stream.end()));
    const after = await open();
    expect(await after.end()).toEqual({ how: 'complete' });
    const told = after.calls();
    expect(told.split('}{')).toHaveLength(2);
    for (const [index, stream] of [...live, late].entries()) {
      // The items of a response are its provider's: what lacks the beginning of one cannot be told the rest.
      const mayBreakOff = dialect === 'responses' && provider === 'openai';
      const how = ends[index]?.how;
      if (how === 'error' && mayBreakOff) expect(told.startsWith(stream.calls())).toBe(true);
      else expect([how, stream.calls()]).toEqual(['complete', told]);
    }
    const log = await send(`${forgetful.url}/v1/jobs/${live[0]?.jobId}/events?starting_after=0`);
    expect(log.body).toContain('event: job.snapshot');
    expect(await billedCalls(name, forgetful)).toBe(1);
  });
});

test('a reader that has fallen behind a log that starts anew is told the rest, or that it broke off', async () => {
  for (const dialect of ['chat', 'responses'] as const) {
    const key = `behind-${dialect}`;
    const limit = { [dialect === 'responses' ? 'max_output_tokens' : 'max_tokens']: 50_000 };
    const ask = { model: 'openai/sandbox/tokens-25000', prompt: key, more: limit };
    const slow = await openBytes(forgetful.url, { dialect, key, ask });
    slow.pause();
    expect(await ended(slow.headers['x-job-id'], forgetful)).toMatchObject({ status: 'completed' });
    const whole = await wholeOf(forgetful.sandboxProcess.url, { dialect, provider: 'openai', ask });
    const bytes = await readAll(slow);
    const text = toldBy(dialect, bytes);
    const isBrokenOff = /"error":\{/.test(bytes);
    expect(isBrokenOff ? whole.startsWith(text) : text === whole, dialect).toBe(true);
    expect(isBrokenOff || bytes.endsWith('data: [DONE]\n\n'), dialect).toBe(true);
  }
});

/** All text of a stream's bytes. */
const toldBy = (dialect: DialectCase['dialect'], bytes: string): string =>
  [...bytes.matchAll(/^data: (\{.*\})$/gm)].map(([, data]) => textOf(dialect, JSON.parse(data ?? ''))).join('');
