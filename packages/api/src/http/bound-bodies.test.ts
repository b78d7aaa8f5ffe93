import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import Fastify from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boundBodies } from './bound-bodies.ts';

const usualMs = 50;
const app = Fastify();
let port: number;
beforeAll(async () => {
  boundBodies(app, usualMs);
  app.post('/usual', async () => 'done');
  app.post('/slow', { config: { bodyMs: 60_000 } }, async () => 'done');
  app.post('/long-answer', async () => new Promise((resolve) => setTimeout(() => resolve('done'), 3 * usualMs)));
  await app.listen({ port: 0, host: '127.0.0.1' });
  port = (app.server.address() as AddressInfo).port;
});
afterAll(() => app.close());

const begin = (path: string, body: string, length = body.length) => {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: ${length}\r\n\r\n${body}`,
  );
  return socket;
};

test('a body that does not come is not waited for', async () => {
  const startedMs = performance.now();
  const [error] = await once(begin('/usual', 'half', 8), 'close');
  expect(error).toBe(false);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(usualMs - 1);
});

test('a body that has come bounds no answer', async () => {
  const socket = begin('/long-answer', 'whole');
  const [answer] = await once(socket, 'data');
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
});

test('a route may give its bodies more time', async () => {
  const socket = begin('/slow', 'half', 8);
  const other = begin('/usual', 'half', 8);
  await once(other, 'close');
  socket.write('half');
  const [answer] = await once(socket, 'data');
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
});
