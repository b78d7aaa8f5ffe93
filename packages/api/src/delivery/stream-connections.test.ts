import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { expect, onTestFinished, test } from 'vitest';
import type { Frame } from './event-frames.ts';
import {
  createStreamConnections,
  nativeManner,
  type StreamConnection,
  type StreamConnectionsOptions,
} from './stream-connections.ts';

const frame = (sequence: number, text = `id: ${sequence}\n\n`): Frame => ({ sequence, kind: 'text', text });
const never = 2 ** 30;

interface Opened {
  connection: StreamConnection;
  response: ServerResponse;
  socket: Socket;
  /** What the client has read so far. */
  read: () => string;
  drains: () => number;
  closed: () => boolean;
}

/** A stream over a real connection, and both its ends. */
async function open(options: Partial<StreamConnectionsOptions> = {}) {
  const connections = createStreamConnections({ heartbeatMs: never, stuckMs: never, ...options });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    connections.close();
    server.closeAllConnections();
    server.close();
  });
  const asked = once(server, 'request');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: test\r\n\r\n');
  const [, response] = (await asked) as [unknown, ServerResponse];
  let drains = 0;
  let closed = false;
  const connection = connections.open(response, { 'x-job-id': 'job_1' }, [frame(0)], {
    onDrain: () => {
      drains += 1;
    },
    onClose: () => {
      closed = true;
    },
    manner: nativeManner,
  });
  const opened: Opened = { connection, response, socket, read: () => text, drains: () => drains, closed: () => closed };
  return { connections, ...opened };
}

const large = `${'x'.repeat(1_000_000)}\n\n`;

/** Writes until nobody takes any more without the reader: neither this process nor the kernel's two ends of the connection. */
async function jam({ connection, socket, drains }: Pick<Opened, 'connection' | 'socket' | 'drains'>): Promise<void> {
  socket.pause();
  let seen = -1;
  await waitFor(
    () => {
      const isStuck = drains() === seen;
      seen = drains();
      while (!isStuck && connection.write(frame(1, large)));
      return isStuck;
    },
    { what: 'nothing is taken any more', intervalMs: 30 },
  );
}

test('begins with the headers of a stream, a hint when to come back, and what is there', async () => {
  const { read } = await open();
  await waitFor(() => read().includes('id: 0'), { what: 'the first frame' });
  expect(read()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  for (const header of [
    'x-job-id: job_1',
    'content-type: text/event-stream; charset=utf-8',
    'cache-control: no-cache, no-transform',
    'x-accel-buffering: no',
  ]) {
    expect(read()).toContain(`${header}\r\n`);
  }
  expect(read().indexOf('retry: 1000')).toBeLessThan(read().indexOf('id: 0'));
});

test('is kept alive by comments', async () => {
  const { read } = await open({ heartbeatMs: 20 });
  await waitFor(() => read().split(': hb\n\n').length > 3, { what: 'three heartbeats' });
});

test('a reader that does not read holds one frame and no heartbeats, and gets on when it reads again', async () => {
  const stream = await open({ heartbeatMs: 10 });
  await jam(stream);
  const held = stream.response.writableLength;
  expect(held).toBeLessThan(2 * large.length);
  const other = await open({ heartbeatMs: 10 });
  await waitFor(() => other.read().split(': hb\n\n').length > 5, { what: 'heartbeats of another stream' });
  expect(stream.response.writableLength).toBe(held);
  const before = stream.drains();
  stream.socket.resume();
  await waitFor(() => stream.drains() > before, { what: 'it has caught up' });
  expect(stream.closed()).toBe(false);
});

test('a reader that takes nothing for too long is cut off', async () => {
  const stream = await open({ heartbeatMs: 10, stuckMs: 100 });
  await jam(stream);
  await waitFor(() => stream.closed(), { what: 'it is cut off' });
  expect(stream.connections.size()).toBe(0);
});

test('one that reads slowly, but reads, is not', async () => {
  const stream = await open({ heartbeatMs: 10, stuckMs: 2000 });
  for (let round = 0; round < 3; round += 1) {
    await jam(stream);
    const before = stream.drains();
    stream.socket.resume();
    await waitFor(() => stream.drains() > before, { what: 'it has caught up' });
  }
  expect(stream.closed()).toBe(false);
});

test('a client that leaves is noticed, and counted no more', async () => {
  const stream = await open();
  expect(stream.connections.size()).toBe(1);
  stream.socket.destroy();
  await waitFor(() => stream.closed(), { what: 'it has left' });
  expect(stream.connections.size()).toBe(0);
});

test('a server that drains ends every stream with a hint to come back, on another connection', async () => {
  const { connections, read, socket } = await open();
  const ended = once(socket, 'end');
  connections.drain();
  await ended;
  // A chunk of no bytes ends the body.
  expect(read()).toMatch(/id: 0\n\n.*retry: 1000\n\n\r\n0\r\n\r\n$/s);
});

/** The end of a stream, written while the reader's side of the connection is full. */
async function endJammed(options: Partial<StreamConnectionsOptions>) {
  const stream = await open(options);
  const errors: Error[] = [];
  stream.response.on('error', (error) => errors.push(error));
  await jam(stream);
  stream.connection.end('');
  return { ...stream, errors };
}

test('a reader that does not take the end of its stream is written to no more, and cut off', async () => {
  const { connections, connection, errors, closed } = await endJammed({ heartbeatMs: 10, stuckMs: 100 });
  expect(connection.write(frame(2))).toBe(false);
  connections.drain();
  await waitFor(closed, { what: 'it is cut off' });
  // Each would be thrown where nobody listens, and end the process.
  expect(errors).toEqual([]);
});

test('nor is one whose last bytes did not even make it full', async () => {
  const stream = await open({ heartbeatMs: 100, stuckMs: 500 });
  const errors: Error[] = [];
  stream.response.on('error', (error) => errors.push(error));
  stream.socket.pause();
  const little = `${'x'.repeat(8000)}\n\n`;
  let waited = 0;
  await waitFor(
    () => {
      const isTaken = stream.response.writableLength === 0;
      waited = isTaken ? 0 : waited + 1;
      if (isTaken) expect(stream.connection.write(frame(1, little))).toBe(true);
      return waited > 20;
    },
    { what: 'the kernel takes no more', intervalMs: 1 },
  );
  stream.connection.end('');
  await waitFor(stream.closed, { what: 'it is cut off' });
  expect(errors).toEqual([]);
});
