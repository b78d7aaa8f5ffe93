import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect } from 'node:net';
import { openStream } from '@llm-gateway/testkit/event-stream-client';
import { send } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
let url: string;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api?.close());

async function submit(): Promise<string> {
  const body = { prompt: `events ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1' };
  return (await api.generate(body, { prefer: 'respond-async' })).json().id;
}

async function ended(): Promise<string> {
  const id = await submit();
  await api.hand.settle(id, answered('the text'));
  return id;
}

const look = (path: string, init: RequestInit = {}) => send(`${url}${path}`, init);

describe('the number of the last event', () => {
  test.for([
    ['a word', '?starting_after=x', {}, 'starting_after'],
    ['a fraction', '?starting_after=1.5', {}, 'starting_after'],
    ['nothing', '?starting_after=', {}, 'starting_after'],
    ['a word in the header', '?starting_after=1', { 'last-event-id': 'x' }, 'last-event-id'],
  ] as [string, string, Record<string, string>, string][])('400 for %s', async ([, query, headers, field]) => {
    const { status, body } = await look(`/v1/jobs/${await ended()}/events${query}`, { headers });
    expect([status, body.detail]).toEqual([400, `${field}: must be a whole number`]);
    expect(body.error.param).toBe(field);
  });

  test('204 for one who has all, which ends an EventSource', async () => {
    const id = await ended();
    const last = (await look(`/v1/jobs/${id}`)).body.last_sequence;
    const response = await look(`/v1/jobs/${id}/events`, { headers: { 'last-event-id': String(last) } });
    expect([response.status, response.body]).toEqual([204, null]);
  });
});

test.for(['text/event-stream', 'Text/Event-Stream', 'text/html, */*;q=0.8', 'text/*'])('accepts %s', async (accept) => {
  const stream = await openStream(`${url}/v1/jobs/${await ended()}/events`, { headers: { accept } });
  expect(stream.status).toBe(200);
  expect((await stream.take()).at(-1)?.event).toBe('job.completed');
});

test('a kind of events that there is not is refused by name', async () => {
  const { status, body } = await look(`/v1/jobs/${await ended()}/events?include=text,sound`);
  expect([status, body.detail]).toEqual([422, 'include: must list text, tool_calls or usage']);
});

describe('HEAD', () => {
  test('tells that there is a stream, without one, and nobody is taken for a reader', async () => {
    const id = await submit();
    const response = await look(`/v1/jobs/${id}/events`, { method: 'HEAD' });
    expect([response.status, response.body]).toEqual([200, null]);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-job-id': id,
      'x-request-id': expect.stringMatching(/^req_/),
      'x-process-time': expect.stringMatching(/^[\d.]+$/),
    });
    expect(response.headers.has('content-length')).toBe(false);
    expect(api.deps.admission.waiter.size()).toBe(0);
  });

  test.for([
    [204, '/events', { 'last-event-id': '99' }],
    [406, '/events', { accept: 'application/json' }],
  ] as [number, string, Record<string, string>][])('is %i as GET is', async ([status, path, headers]) => {
    const response = await look(`/v1/jobs/${await ended()}${path}`, { method: 'HEAD', headers });
    expect(response.status).toBe(status);
  });
});

test.for(['chatcmpl-', 'resp_', 'msg_'])(
  'a job is found by its id that begins with %s, wherever one is asked for',
  async (prefix) => {
    const id = await submit();
    const alias = `/v1/jobs/${id.replace('job_', prefix)}`;
    expect((await look(alias)).body.id).toBe(id);
    expect((await look(`${alias}/release`, { method: 'POST' })).body.id).toBe(id);
    expect((await look(alias, { method: 'DELETE' })).status).toBe(409);
    const cancelled = await look(`${alias}/cancel`, { method: 'POST' });
    expect([cancelled.status, cancelled.body.id, cancelled.body.status]).toEqual([200, id, 'cancelled']);
    expect((await look(`${alias}/result`)).body.job_id).toBe(id);
    const stream = await openStream(`${url}${alias}/events`);
    expect((await stream.take()).at(-1)?.data.job_id).toBe(id);
    expect((await look(`${alias}/webhook-deliveries`)).status).toBe(200);
    expect((await look(alias, { method: 'DELETE' })).status).toBe(204);
  },
);

test('a server that shuts down refuses what comes on a connection that is still open, and says when to come back', async () => {
  const leaving = await startTestApi({ redisUrl: inject('redisUrl') });
  await leaving.app.listen({ host: '127.0.0.1', port: 0 });
  const asked = { prompt: 'the last one', model: 'gpt-4o', user_id: 'u1' };
  const { id } = (await leaving.generate(asked, { prefer: 'respond-async' })).json();
  const socket = connect((leaving.app.server.address() as AddressInfo).port, '127.0.0.1');
  let read = '';
  socket.on('data', (chunk) => {
    read += chunk.toString();
  });
  const ask = () => socket.write(`GET /v1/jobs/${id}/events HTTP/1.1\r\nhost: test\r\n\r\n`);
  ask();
  await waitFor(() => read.includes('job.queued'), { what: 'the stream is open' });

  leaving.drain.begun = true;
  const closing = leaving.app.close();
  await leaving.hand.settle(id, answered('done'));
  await waitFor(() => read.includes('job.completed'), { what: 'the stream is told to its end' });
  read = '';
  ask();
  await waitFor(() => read.includes('"code":"draining"'), { what: 'the refusal' });
  expect(read).toMatch(/^HTTP\/1\.1 503 /);
  for (const name of ['application/problem\\+json', 'retry-after: 1\r', 'connection: close', 'x-request-id: req_']) {
    expect(read).toMatch(new RegExp(name, 'i'));
  }
  await closing;
  await leaving.close();
});
