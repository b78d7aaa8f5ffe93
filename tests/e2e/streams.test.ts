import { openStream, type StreamFrame, streamGenerate } from '@llm-gateway/testkit/event-stream-client';
import { adminKey, type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 2,
    environment: {
      MAX_REQUESTS_PER_MINUTE: '10000',
      MAX_REQUESTS_PER_HOUR: '10000',
      DISCONNECT_GRACE_MS: '300',
      ABANDONED_AFTER_MS: '1000',
    },
  });
});
afterAll(() => gateway?.stop());

const url = (number: number) => gateway.apis[number % gateway.apis.length]?.url ?? '';
const eventsOf = (id: string, api: number, headers: Record<string, string> = {}) =>
  openStream(`${url(api)}/v1/jobs/${id}/events`, { headers });
const textOf = (frames: StreamFrame[]) =>
  frames
    .filter(({ event }) => event === 'output.delta')
    .map(({ data }) => data.text)
    .join('');
const bytesOf = (frames: StreamFrame[]) => frames.map(({ text }) => text).join('');

let prompts = 0;
const body = (model: string, more: object = {}) => ({
  prompt: `stream ${prompts++}`,
  model,
  user_id: 'streamer',
  ...more,
});

async function submit(model: string, more: object = {}): Promise<string> {
  const { body: job, status } = await post(`${url(0)}/v1/generate`, body(model, more), { prefer: 'respond-async' });
  expect(status).toBe(202);
  return job.id;
}

const jobOf = async (id: string) => (await send(`${url(1)}/v1/jobs/${id}`)).body;
const ended = (id: string) =>
  waitFor(
    async () => {
      const job = await jobOf(id);
      return job.finished_at !== null && job;
    },
    { what: `${id} ends`, timeoutMs: 30_000 },
  );

describe('a stream', () => {
  test('tells the life of a generation in order, densely numbered, and ends with its result', async () => {
    const stream = await streamGenerate(url(0), body('gpt-4o'));
    expect(stream.status).toBe(200);
    expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.headers.get('x-accel-buffering')).toBe('no');
    expect(stream.headers.get('x-gateway-model')).toBe('openai/gpt-4o');
    expect(stream.headers.get('x-gateway-attempts')).toBe('1');
    expect(stream.headers.get('ratelimit-policy')).toContain('"minute";q=10000');
    expect(stream.headers.get('x-ratelimit-remaining-requests')).toMatch(/^\d+$/);
    const id = stream.headers.get('x-job-id');
    const frames = await stream.take();
    expect(frames.map((frame) => frame.id)).toEqual(frames.map((_, index) => index));
    const names = frames.map(({ event }) => event);
    expect(names.slice(0, 3)).toEqual(['job.queued', 'job.started', 'output.delta']);
    expect(names.slice(-2)).toEqual(['usage', 'job.completed']);
    expect(frames.every(({ event, data }) => data.type === event && data.job_id === id)).toBe(true);
    const last = frames.at(-1)?.data;
    expect(textOf(frames)).toBe(last.result.completion);
    const { body: result } = await send(`${url(1)}/v1/jobs/${id}/result`);
    expect(last.result).toEqual(result);
    expect(last.job).toMatchObject({ id, status: 'completed', last_sequence: frames.length - 1 });
  });

  test('comes as it is written, not at the end', async () => {
    const stream = await streamGenerate(url(0), body('sandbox/drip-150+tokens-40'));
    const frames: StreamFrame[] = [];
    for (let frame = await stream.next(); frame; frame = await stream.next()) {
      frames.push(frame);
      if (textOf(frames) !== '') break;
    }
    expect(await jobOf(stream.headers.get('x-job-id') ?? '')).toMatchObject({ status: 'in_progress' });
    frames.push(...(await stream.take()));
    expect(frames.filter(({ event }) => event === 'output.delta').length).toBeGreaterThan(3);
  });

  test('of an attempt that had to be made again says so in its headers', async () => {
    const stream = await streamGenerate(url(0), body('sandbox/fail-once'));
    expect(stream.headers.get('x-gateway-attempts')).toBe('2');
    expect((await stream.take()).at(-1)?.data.job).toMatchObject({ status: 'completed', attempt: 2 });
  });

  test('that fails before its first text is an HTTP error', async () => {
    const stream = await streamGenerate(url(0), body('sandbox/status-401'));
    expect(stream.status).toBe(502);
    expect(await stream.json()).toMatchObject({ code: 'provider_misconfigured' });
  });

  test('of an answer in the cache is the same text again, under an id of its own', async () => {
    const asked = body('gpt-4o');
    const first = await streamGenerate(url(0), asked);
    const frames = await first.take();
    const second = await streamGenerate(url(1), asked);
    expect(second.headers.get('cache-status')).toMatch(/^gateway; hit; ttl=/);
    const again = await second.take();
    expect(textOf(again)).toBe(textOf(frames));
    expect(again.at(-1)?.data.job).toMatchObject({ status: 'completed', cached: true, cost_usd: 0 });
    expect(second.headers.get('x-job-id')).not.toBe(first.headers.get('x-job-id'));
  });
});

describe('a reader that comes back', () => {
  test('gets exactly the rest, whatever it had and whichever process it asks', async () => {
    const id = await submit('sandbox/drip-5+tokens-30');
    await ended(id);
    const all = await (await eventsOf(id, 0)).take();
    for (let index = 0; index < all.length - 1; index += 1) {
      const rest = await (await eventsOf(id, index, { 'last-event-id': String(index) })).take();
      expect(bytesOf(rest), `after ${index}`).toBe(bytesOf(all.slice(index + 1)));
    }
    expect((await eventsOf(id, 1, { 'last-event-id': String(all.length - 1) })).status).toBe(204);
    expect((await eventsOf(id, 1, { 'last-event-id': '9999' })).status).toBe(204);
    const byQuery = await openStream(`${url(1)}/v1/jobs/${id}/events?starting_after=0`, {
      headers: { 'last-event-id': '2' },
    });
    expect(bytesOf(await byQuery.take())).toBe(bytesOf(all.slice(3)));
  });

  test('gets the same bytes while the job runs, cut at every event, on one process after the other', async () => {
    const id = await submit('sandbox/drip-40+tokens-60');
    const read = async (cutEvery: number, firstApi: number) => {
      const frames: StreamFrame[] = [];
      for (let api = firstApi; frames.at(-1)?.event !== 'job.completed'; api += 1) {
        const last = frames.at(-1)?.id;
        const stream = await eventsOf(id, api, last === undefined ? {} : { 'last-event-id': String(last) });
        const taken = await stream.take(cutEvery);
        stream.close();
        // A job that waits for its turn tells its place, and tells it again.
        frames.push(...taken.filter((frame) => frame.id > (last ?? -1)));
      }
      return frames.filter((frame, index) => frame.id !== frames[index - 1]?.id);
    };
    const reads = await Promise.all([1, 2, 3, 7, Number.POSITIVE_INFINITY].map((cut, index) => read(cut, index)));
    const whole = await (await eventsOf(id, 0)).take();
    for (const frames of reads) expect(bytesOf(frames)).toBe(bytesOf(whole));
  });

  test.for([
    ['a number that is none', { 'last-event-id': 'x' }, 400],
    ['a format that is not offered', { accept: 'application/json' }, 406],
  ] as const)('with %s is refused', async ([, headers, status]) => {
    const id = await submit('sandbox/tokens-5');
    const stream = await eventsOf(id, 0, headers);
    expect(stream.status).toBe(status);
  });

  test('of a job that is not there is told so', async () => {
    expect((await eventsOf('job_01M84AFMN7N75S4NC9P52Q6ACC', 0)).status).toBe(404);
  });
});

describe('what breaks', () => {
  test('a worker killed in mid-text: readers are told to drop what they have, and get the whole text again', async () => {
    const stream = await streamGenerate(url(0), body('sandbox/drip-100+tokens-30'));
    const frames = await stream.take(5);
    expect(textOf(frames)).not.toBe('');
    await Promise.all(gateway.workers.splice(0).map((worker) => worker.stop('SIGKILL')));
    await Promise.all([gateway.startWorker(), gateway.startWorker()]);
    frames.push(...(await stream.take()));
    const retrying = frames.filter(({ event }) => event === 'job.retrying');
    expect(retrying.map(({ data }) => [data.reset, data.reason])).toEqual([[true, 'worker_lost']]);
    const again = frames.slice(frames.indexOf(retrying[0] as StreamFrame));
    expect(textOf(again)).toBe(frames.at(-1)?.data.result.completion);
  });

  test('attempts that fail in mid-text are announced, and their text taken back', async () => {
    const id = await submit('sandbox/drip-150+reset-mid');
    const frames = await (await eventsOf(id, 1)).take();
    const retrying = frames.filter(({ event }) => event === 'job.retrying').map(({ data }) => data);
    expect(retrying.map(({ attempt, reset, reason }) => [attempt, reset, reason])).toEqual([
      [2, true, 'provider_unreachable'],
      [3, true, 'provider_unreachable'],
    ]);
    expect(frames.at(-1)).toMatchObject({
      event: 'job.failed',
      data: { job: { error: { code: 'provider_unreachable' } } },
    });
  });

  test('an api process that dies takes its readers with it and not their job', async () => {
    const api = await gateway.startApi();
    const stream = await streamGenerate(api.url, body('sandbox/drip-50+tokens-30'));
    const id = stream.headers.get('x-job-id') ?? '';
    const frames = await stream.take(4);
    await api.stop('SIGKILL');
    gateway.apis.splice(gateway.apis.indexOf(api), 1);
    const rest = await (await eventsOf(id, 1, { 'last-event-id': String(frames.at(-1)?.id) })).take();
    const all = [...frames, ...rest];
    expect(textOf(all)).toBe(all.at(-1)?.data.result.completion);
  });

  test('connections to Redis that are cut lose no event', async () => {
    const redis = await import('ioredis').then(({ Redis }) => new Redis(inject('redisUrl')));
    const id = await submit('sandbox/drip-60+tokens-40');
    const streams = await Promise.all([0, 1, 0, 1].map((api) => eventsOf(id, api)));
    const cutting = setInterval(() => redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), 300);
    const reads = await Promise.all(streams.map((stream) => stream.take()));
    clearInterval(cutting);
    redis.disconnect();
    const whole = await (await eventsOf(id, 0)).take();
    for (const frames of reads) {
      const once = frames.filter((frame, index) => frame.id !== frames[index - 1]?.id);
      expect(bytesOf(once)).toBe(bytesOf(whole));
    }
  });
});

describe('a client that leaves', () => {
  const openCall = async (requestId: string) =>
    waitFor(
      async () => (await gateway.sandbox.calls({ request_id: requestId })).some(({ state }) => state === 'open'),
      {
        what: 'the call at the provider',
      },
    );

  test('and said that its job shall not outlive it: the call ends, what was used is charged', async () => {
    const requestId = 'leave-and-cancel';
    const stream = await streamGenerate(url(0), body('sandbox/drip-100+tokens-200', { user_id: 'leaver' }), {
      'x-request-id': requestId,
      'x-gateway-on-disconnect': 'cancel',
    });
    const id = stream.headers.get('x-job-id') ?? '';
    await stream.take(5);
    stream.close();
    // Asking for the job would make a reader of the test.
    await waitFor(
      async () => (await gateway.sandbox.calls({ request_id: requestId })).every(({ state }) => state === 'ended'),
      { what: 'the call at the provider ends' },
    );
    const job = await ended(id);
    expect(job).toMatchObject({ status: 'cancelled', usage: { source: 'estimated' } });
    expect(job.usage.completion_tokens).toBeGreaterThan(0);
    expect(job.usage.completion_tokens).toBeLessThan(150);
    const { body: usage } = await send(`${url(0)}/v1/usage/leaver`);
    expect(usage.total_tokens).toBe(job.usage.total_tokens);
  });

  test('while its job still waits for its turn: nothing is spent', async () => {
    await Promise.all(gateway.workers.splice(0).map((worker) => worker.stop('SIGTERM')));
    const requestId = 'leave-the-queue';
    const leaving = new AbortController();
    const waiting = fetch(`${url(0)}/v1/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': requestId, 'idempotency-key': requestId },
      body: JSON.stringify(body('sandbox/tokens-5', { user_id: 'quitter' })),
      signal: leaving.signal,
    }).catch(() => 'left');
    const queued = () => send(`${url(0)}/v1/health`).then(({ body: health }) => health.queue.waiting > 0);
    await waitFor(queued, { what: 'the job is queued' });
    leaving.abort();
    expect(await waiting).toBe('left');
    const leftAtMs = performance.now();
    await waitFor(() => performance.now() - leftAtMs > 1500, { what: 'its time without a reader is over' });
    await Promise.all([gateway.startWorker(), gateway.startWorker()]);
    await waitFor(async () => !(await queued()), { what: 'the queue is empty' });
    expect(await gateway.sandbox.calls({ request_id: requestId })).toEqual([]);
    expect((await send(`${url(0)}/v1/usage/quitter`)).body.total_requests).toBe(0);
  });

  test('but has another reader: the job goes on', async () => {
    const stream = await streamGenerate(url(0), body('sandbox/drip-60+tokens-30'), {
      'x-gateway-on-disconnect': 'cancel',
    });
    const id = stream.headers.get('x-job-id') ?? '';
    await stream.take(3);
    const other = await eventsOf(id, 1);
    stream.close();
    const frames = await other.take();
    expect(frames.at(-1)?.event).toBe('job.completed');
  });

  test('and said nothing: the job goes on', async () => {
    const requestId = 'leave-and-continue';
    const stream = await streamGenerate(url(0), body('sandbox/drip-50+tokens-40'), { 'x-request-id': requestId });
    const id = stream.headers.get('x-job-id') ?? '';
    await stream.take(3);
    await openCall(requestId);
    stream.close();
    expect(await ended(id)).toMatchObject({ status: 'completed' });
  });
});

test('readers are counted while they are there, and not after', async () => {
  const id = await submit('sandbox/drip-100+tokens-20');
  const streams = await Promise.all(Array.from({ length: 5 }, () => eventsOf(id, 0)));
  const metric = async () =>
    /^gateway_open_streams (\d+)$/m.exec(
      (await send(`${url(0)}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } })).body,
    )?.[1];
  expect(await metric()).toBe('5');
  for (const stream of streams) stream.close();
  await waitFor(async () => (await metric()) === '0', { what: 'no stream is open' });
});
