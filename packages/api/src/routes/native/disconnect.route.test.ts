import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { leaseMs } from '../../delivery/attendance.ts';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

const abandonedAfterMs = 31_000;
const graceMs = 5500;
// What nobody begins is given up after so long, whoever reads it.
const unservedMs = 7 * 24 * 3_600_000;

let api: TestApi;
let url: string;
beforeAll(async () => {
  api = await startTestApi({
    redisUrl: inject('redisUrl'),
    environment: {
      MAX_REQUESTS_PER_MINUTE: '1000',
      ABANDONED_AFTER_MS: String(abandonedAfterMs),
      DISCONNECT_GRACE_MS: String(graceMs),
    },
  });
  // A connection that breaks needs one that is real.
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  // Fetch opens connections ahead of use; a server that closes waits for those.
  api?.app.server.closeAllConnections();
  await api?.close();
});

const ask = (more: object = {}) => ({ prompt: `bye ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1', ...more });

interface Client {
  leave: () => void;
  /** Its answer, if it stayed. */
  status: Promise<number | 'gone'>;
}

function connect(body: object, headers: Record<string, string> = {}): Client {
  const controller = new AbortController();
  const status = fetch(`${url}/v1/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: controller.signal,
  }).then(
    async (response) => {
      await response.text();
      return response.status;
    },
    () => 'gone' as const,
  );
  return { leave: () => controller.abort(), status };
}

/** A client whose request has become a job. */
async function waiting(body: object, headers: Record<string, string> = {}): Promise<Client & { id: string }> {
  const count = api.accepted.length;
  const client = connect(body, headers);
  return { ...client, id: await api.job(count) };
}

const record = (id: string) => api.redis.hgetall(api.deps.keys.job(id));
const readers = (id: string) => api.redis.zrange(api.deps.keys.readers(id), 0, '-1');
const due = async (id: string) => Number(await api.redis.zscore(api.deps.keys.due, id));
const unread = (id: string) =>
  waitFor(async () => Number((await record(id)).unreadMs ?? 0) || undefined, { what: 'its reader has left' });
const admittedWaits = (count: number) =>
  waitFor(() => api.deps.admission.waiter.size() === count, { what: `${count} jobs are waited for` });

describe('a job', () => {
  test.for([
    ['that is waited for', {}, {}, 'continue', abandonedAfterMs],
    ['that is streamed', { stream: true }, {}, 'continue', abandonedAfterMs],
    ['whose header says cancel', {}, { 'x-gateway-on-disconnect': 'cancel' }, 'cancel', graceMs],
    ['whose body says cancel', { gateway: { on_disconnect: 'cancel' } }, {}, 'cancel', graceMs],
    [
      'whose header wins over its body',
      { gateway: { on_disconnect: 'cancel' } },
      { 'x-gateway-on-disconnect': 'continue' },
      'continue',
      abandonedAfterMs,
    ],
  ] as [string, object, Record<string, string>, string, number][])(
    '%s wants a reader',
    async ([, more, headers, onDisconnect, grace]) => {
      const client = await waiting(ask(more), headers);
      const { createdMs, ...rest } = await record(client.id);
      expect(rest).toMatchObject({ onDisconnect, graceMs: String(grace) });
      expect(await readers(client.id)).toEqual([api.deps.admission.waiter.instanceId]);
      expect(await due(client.id)).toBe(Number(createdMs) + leaseMs + grace);
      client.leave();
    },
  );

  test.for(['respond-async', 'respond-async, wait=1'])('of a client that prefers %s wants none', async (prefer) => {
    const client = await waiting(ask(), { prefer, 'x-gateway-on-disconnect': 'cancel' });
    expect(await record(client.id)).not.toHaveProperty('graceMs');
    client.leave();
    await client.status;
    await admittedWaits(0);
    expect(await due(client.id)).toBe(Number((await record(client.id)).createdMs) + unservedMs);
  });
});

describe('a client that leaves', () => {
  test.for([
    ['continue', abandonedAfterMs],
    ['cancel', graceMs],
  ] as const)('starts the grace of its job: %s', async ([onDisconnect, grace]) => {
    const client = await waiting(ask(), { 'x-gateway-on-disconnect': onDisconnect });
    client.leave();
    expect(await client.status).toBe('gone');
    const leftMs = await unread(client.id);
    expect(await due(client.id)).toBe(leftMs + grace);
    expect(await readers(client.id)).toEqual([]);
    expect((await record(client.id)).state).toBe('queued');
    await admittedWaits(0);
  });

  test('while its stream is open does so too', async () => {
    const client = await waiting(ask({ stream: true }));
    client.leave();
    const leftMs = await unread(client.id);
    expect(await due(client.id)).toBe(leftMs + abandonedAfterMs);
    expect(await readers(client.id)).toEqual([]);
  });

  test('while its request is decided upon leaves its job no reader', async () => {
    const { admission } = api.deps;
    const { accept } = admission;
    const gone = Promise.withResolvers<void>();
    admission.accept = async (job) => {
      await gone.promise;
      return accept(job);
    };
    const count = api.accepted.length;
    const client = connect(ask());
    await admittedWaits(1);
    client.leave();
    await client.status;
    await waitFor(async () => (await connections()) === 0, { what: 'the connection is closed' });
    gone.resolve();
    admission.accept = accept;
    const id = await api.job(count);
    await unread(id);
    expect(await readers(id)).toEqual([]);
    await admittedWaits(0);
  });

  test('does not start it while another one waits for the same job', async () => {
    const [body, key] = [ask(), { 'idempotency-key': randomUUID() }];
    const first = await waiting(body, key);
    const second = connect(body, key);
    await waitFor(async () => (await attached()) === 1, { what: 'the second one is attached' });
    first.leave();
    await first.status;
    await waitFor(async () => (await connections()) === 1, { what: 'the connection is closed' });
    expect(await record(first.id)).not.toHaveProperty('unreadMs');
    await api.hand.settle(first.id, answered('for the one that stayed'));
    expect(await second.status).toBe(200);
  });

  test('after its answer leaves nothing behind', async () => {
    const client = await waiting(ask());
    await api.hand.settle(client.id, answered('here'));
    expect(await client.status).toBe(200);
    await waitFor(async () => (await record(client.id)).deliveredMs, { what: 'the delivery is noted' });
    expect(await record(client.id)).not.toHaveProperty('unreadMs');
    expect(await api.redis.exists(api.deps.keys.readers(client.id))).toBe(0);
  });
});

describe('who comes back is a reader again', () => {
  const abandoned = async (body: object) => {
    const client = await waiting(body);
    client.leave();
    await unread(client.id);
    return client.id;
  };

  test('by a retry that attaches', async () => {
    const body = ask();
    const id = await abandoned(body);
    const retry = connect(body, { 'x-stainless-retry-count': '1' });
    await waitFor(async () => (await readers(id)).length === 1, { what: 'the retry reads' });
    expect(await due(id)).toBeGreaterThan(Number((await record(id)).unreadMs) + abandonedAfterMs);
    await api.hand.settle(id, answered('welcome back'));
    expect(await retry.status).toBe(200);
  });

  test('by asking for its state', async () => {
    const id = await abandoned(ask());
    await api.get(`/v1/jobs/${id}`);
    expect(await readers(id)).toEqual(['poll']);
    const until = Number(await api.redis.zscore(api.deps.keys.readers(id), 'poll'));
    expect(await due(id)).toBe(until + abandonedAfterMs);
  });

  test('by waiting for its state, for as long as it waits', async () => {
    const id = await abandoned(ask());
    const polling = api.get(`/v1/jobs/${id}`, { prefer: 'wait=20' });
    await waitFor(async () => (await readers(id)).length === 1, { what: 'the poll reads' });
    await api.hand.settle(id, answered('done'));
    expect((await polling).json().status).toBe('completed');
  });

  test('but a retry of a job that was given up meanwhile is a new job', async () => {
    const body = ask();
    const id = await abandoned(body);
    await api.hand.settle(id, { state: 'expired', failure: { code: 'job_abandoned', detail: 'Nobody read it.' } });
    const again = await waiting(body, { 'x-stainless-retry-count': '1' });
    expect(again.id).not.toBe(id);
    again.leave();
  });
});

const connections = () =>
  new Promise<number>((resolve, reject) => {
    api.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });

const attached = async () =>
  (await api.deps.metrics.admissions.get()).values.find(({ labels }) => labels.outcome === 'attached')?.value ?? 0;
