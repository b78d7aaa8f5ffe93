import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { type OpenedStream, openStream, streamGenerate } from '@llm-gateway/testkit/event-stream-client';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { answered, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

const each = 40;

let api: TestApi;
let url: string;
beforeAll(async () => {
  api = await startTestApi({
    redisUrl: inject('redisUrl'),
    environment: { MAX_REQUESTS_PER_MINUTE: '100000', MAX_REQUESTS_PER_HOUR: '100000' },
  });
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  api?.app.server.closeAllConnections();
  await api?.close();
});

const ask = () => ({ prompt: `left ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1' });

const accept = async (): Promise<string> =>
  (await api.generate(ask(), { prefer: 'respond-async' })).json().id as string;

const events = (id: string) => openStream(`${url}/v1/jobs/${id}/events`);

/** A request whose client leaves when its job has been accepted or is waited for. */
async function leave(path: string, init: RequestInit, isWaitedFor: () => boolean): Promise<void> {
  const controller = new AbortController();
  const asked = fetch(`${url}${path}`, { ...init, signal: controller.signal }).then(
    (response) => response.text(),
    () => undefined,
  );
  await waitFor(isWaitedFor, { what: 'it is waited for', intervalMs: 2 });
  controller.abort();
  await asked;
}

const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** Whoever waits or follows by now, in this process and in Redis. */
async function held() {
  const { admission, streams, keys } = api.deps;
  const channels = (await api.redis.pubsub('CHANNELS', `${keys.logChannel('')}*`)) as string[];
  const readers = await Promise.all(api.accepted.map((id) => api.redis.zcard(keys.readers(id))));
  return {
    waits: admission.waiter.size(),
    logs: streams.feed.size(),
    connections: streams.connections.size(),
    channels: channels.length,
    readers: readers.filter((count) => count > 0).length,
  };
}

const nothing = { waits: 0, logs: 0, connections: 0, channels: 0, readers: 0 };

async function expectNothingHeld(): Promise<void> {
  await expect.poll(held, { timeout: 5000, interval: 20 }).toEqual(nothing);
}

/** Lets as many as `each` clients do the same at once. */
const all = (one: () => Promise<unknown>) => Promise.all(Array.from({ length: each }, one));

const ways: [what: string, one: () => Promise<unknown>][] = [
  [
    'a stream of events that its job ends',
    async () => {
      const id = await accept();
      const stream = await events(id);
      await stream.next();
      await api.hand.settle(id, answered('x'));
      await stream.take();
    },
  ],
  [
    'a stream of events that its client leaves',
    async () => {
      const stream = await events(await accept());
      await stream.next();
      stream.close();
    },
  ],
  [
    'two streams of one job, of which each goes its own way',
    async () => {
      const id = await accept();
      const [left, stays] = (await Promise.all([events(id), events(id)])) as [OpenedStream, OpenedStream];
      await left.next();
      left.close();
      await api.hand.settle(id, answered('x'));
      await stays.take();
    },
  ],
  [
    'the events of a job that has ended, and none after the last',
    async () => {
      const id = await accept();
      await api.hand.settle(id, answered('x'));
      const last = (await (await events(id)).take()).at(-1);
      const again = await openStream(`${url}/v1/jobs/${id}/events`, { headers: { 'last-event-id': String(last?.id) } });
      expect(again.status).toBe(204);
    },
  ],
  [
    'a stream whose job is erased under it',
    async () => {
      const id = await accept();
      const stream = await events(id);
      await stream.next();
      const { keys } = api.deps;
      await api.redis.del(keys.job(id), keys.readers(id));
      await api.redis.publish(keys.logChannel(id), 'moved');
      await stream.take();
    },
  ],
  [
    'a generation that is streamed to its end',
    async () => {
      const body = ask();
      const streaming = streamGenerate(url, body);
      await settleNext(answered('x'));
      expect((await (await streaming).take()).at(-1)?.event).toBe('job.completed');
    },
  ],
  [
    'a streamed generation that fails before its first text',
    async () => {
      const streaming = streamGenerate(url, ask());
      await settleNext(failed({ code: 'provider_busy', detail: 'busy' }));
      expect((await streaming).status).toBeGreaterThanOrEqual(500);
    },
  ],
  [
    'a look that waits until its job ends, or until its patience does',
    async () => {
      const id = await accept();
      const looking = fetch(`${url}/v1/jobs/${id}`, { headers: { prefer: 'wait=30' } });
      await fetch(`${url}/v1/jobs/${id}`, { headers: { prefer: 'wait=1' } });
      await api.hand.settle(id, answered('x'));
      await (await looking).text();
    },
  ],
];

let settled = 0;
/** Ends an accepted job that nobody else of the test has ended. */
async function settleNext(ending: Parameters<TestApi['hand']['settle']>[1]): Promise<void> {
  const index = settled;
  settled += 1;
  await api.hand.settle(await api.job(index), ending);
}

test.for(ways)('%s leaves nothing behind', async ([, one]) => {
  settled = api.accepted.length;
  await all(one);
  await expectNothingHeld();
});

test.for([
  ['a generation', '/v1/generate', () => post(ask())],
  ['a streamed one before its first text', '/v1/generate', () => post({ ...ask(), stream: true })],
  ['a job', '/v1/jobs', () => post({ endpoint: '/v1/generate', body: ask() })],
] as const)('clients that leave %s leave nothing behind', async ([, path, init]) => {
  const before = api.accepted.length;
  const isWaitedFor = () => api.accepted.length >= before + each;
  const headers = { 'content-type': 'application/json', prefer: 'wait=60' };
  await all(() => leave(path, { ...init(), headers }, isWaitedFor));
  await expectNothingHeld();
});

test('a streamed generation whose record cannot be read any more leaves nothing behind', async () => {
  const { jobs } = api.deps;
  const { get } = jobs;
  jobs.get = async () => {
    throw new GatewayError({ code: 'dependency_down', detail: 'away' });
  };
  try {
    await all(async () => expect((await streamGenerate(url, ask())).status).toBe(503));
  } finally {
    jobs.get = get;
  }
  // But for a lease in Redis, which nobody renews.
  await expect.poll(held, { timeout: 5000, interval: 20 }).toEqual({ ...nothing, readers: each });
});
