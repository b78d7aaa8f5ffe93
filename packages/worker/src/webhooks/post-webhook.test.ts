import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Answer, answerWith, startReceiver } from '@llm-gateway/testkit/start-receiver';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Agent } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { createGuardedAgent, type Resolve } from './guarded-agent.ts';
import { type PostOptions, postWebhook } from './post-webhook.ts';

async function receive(answer: Answer) {
  const receiver = await startReceiver();
  onTestFinished(receiver.close);
  const path = '/hook?x=1';
  receiver.answer(path, answer);
  return { heard: receiver.received, port: receiver.port, url: receiver.url + path };
}

function sender(agent = new Agent()): PostOptions {
  onTestFinished(() => agent.destroy());
  return { agent, timeoutMs: 5000, signal: new AbortController().signal };
}

const post = (url: string, options = sender()) =>
  postWebhook({ url, headers: { 'webhook-id': 'evt_1' }, body: '{"a": "ü"}' }, options);

test('the bytes arrive as they are, and 2xx is a delivery', async () => {
  const { heard, url } = await receive(answerWith(204));
  expect(await post(url)).toMatchObject({ status: 204, error: null, latencyMs: expect.any(Number) });
  expect(heard).toMatchObject([
    { path: '/hook?x=1', body: '{"a": "ü"}', headers: { 'content-type': 'application/json', 'webhook-id': 'evt_1' } },
  ]);
});

test.for([
  [500, {}, undefined],
  [429, { 'retry-after': '7' }, 7000],
  [503, { 'retry-after': 'nonsense' }, undefined],
] as const)('%i is none', async ([status, headers, retryAfterMs]) => {
  const { url } = await receive(answerWith(status, headers));
  expect(await post(url)).toMatchObject({ status, error: `answered ${status}`, retryAfterMs });
});

test('a redirect is a failure and not followed', async () => {
  const { heard, url } = await receive(answerWith(307, { location: '/elsewhere' }));
  expect(await post(url)).toMatchObject({ status: 307, error: 'answered 307; redirects are not followed' });
  expect(heard).toHaveLength(1);
});

test('an answer that never ends is not read to its end', async () => {
  let written = 0;
  const { url } = await receive((response) => {
    response.writeHead(200);
    const pump = () => {
      while (!response.destroyed && response.write('x'.repeat(1024))) written += 1024;
      if (!response.destroyed) response.once('drain', pump);
    };
    pump();
  });
  expect(await post(url)).toMatchObject({ status: 200, error: null });
  expect(written).toBeLessThan(8 * 1024 * 1024);
});

test('a receiver that says nothing in time has not answered', async () => {
  const { url } = await receive(() => undefined);
  expect(await post(url, { ...sender(), timeoutMs: 100 })).toMatchObject({
    status: null,
    error: 'no answer within 0.1 s',
  });
});

test('a receiver that is not there is told as such', async () => {
  expect(await post('http://127.0.0.1:1/')).toMatchObject({
    status: null,
    error: 'could not be reached (ECONNREFUSED)',
  });
});

test('an attempt that is given up is no attempt', async () => {
  const controller = new AbortController();
  const { url } = await receive(() => controller.abort(new Error('draining')));
  await expect(post(url, { ...sender(), signal: controller.signal })).rejects.toThrow('draining');
});

const resolves = (...addresses: string[]): Resolve => {
  return (_hostname, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
};

test.for([[['127.0.0.1']], [['8.8.8.8', '127.0.0.1']], [['::1']], [['::ffff:127.0.0.1']], [['169.254.169.254']]])(
  'a host name that leads to %s is not connected to',
  async ([addresses]) => {
    const { heard, port } = await receive(answerWith(200));
    const options = sender(createGuardedAgent(false, resolves(...(addresses ?? []))));
    expect(await post(`http://innocent.example:${port}/`, options)).toMatchObject({
      status: null,
      error: 'the host leads to an address that is not public',
    });
    expect(heard).toEqual([]);
  },
);

test('the connection goes to the address that was looked at, and the name is asked for once', async () => {
  const { heard, port } = await receive(answerWith(200));
  let asked = 0;
  const options = sender(
    createGuardedAgent(true, (hostname, done) => {
      asked += 1;
      resolves('127.0.0.1')(hostname, done);
    }),
  );
  expect(await post(`http://development.example:${port}/`, options)).toMatchObject({ status: 200, error: null });
  expect(heard).toMatchObject([{ headers: { host: `development.example:${port}` } }]);
  expect(asked).toBe(1);
});

test('an answer that trickles holds an attempt no longer than its time', async () => {
  const { url } = await receive((response) => {
    response.writeHead(200);
    const trickle = setInterval(() => response.write('x'), 20);
    response.once('close', () => clearInterval(trickle));
  });
  const { latencyMs, ...posted } = await post(url, { ...sender(), timeoutMs: 300 });
  expect(posted).toMatchObject({ status: 200, error: null });
  expect(latencyMs).toBeLessThan(2000);
});

/** A receiver that does as it likes with its connections. */
async function receiveRaw(serve: (socket: Socket) => void): Promise<{ port: number; open: () => number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    socket.once('data', () => serve(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, open: () => sockets.size };
}

const every = (socket: Socket, text: string) => {
  const timer = setInterval(() => socket.writable && socket.write(text), 10);
  socket.once('close', () => clearInterval(timer));
};

const noAnswer = 'no answer within 0.3 s';

test.for([
  ['headers without end', (socket) => every(socket, 'x-a: b\r\n'), null, /^(no answer|could not be reached)/],
  [
    'a header without end',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-a: ');
      every(socket, 'x'.repeat(10_000));
    },
    null,
    'could not be reached (UND_ERR_HEADERS_OVERFLOW)',
  ],
  [
    'a header that trickles',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-a: ');
      every(socket, 'x');
    },
    null,
    noAnswer,
  ],
  ['nothing but interim answers', (socket) => every(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'), null, noAnswer],
  ['no HTTP', (socket) => socket.end('220 smtp ready\r\n'), null, /^could not be reached \(/],
  ['nothing, and hangs up', (socket) => socket.end(), null, 'could not be reached (UND_ERR_SOCKET)'],
  ['nothing, and breaks off', (socket) => socket.resetAndDestroy(), null, /^could not be reached \(/],
  [
    'a body that breaks off',
    (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx', () => socket.resetAndDestroy()),
    200,
    null,
  ],
  [
    'what says that it is a terabyte of gzip',
    (socket) => every(socket, 'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1099511627776\r\n\r\n'),
    200,
    null,
  ],
  [
    'another protocol',
    (socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n'),
    null,
    /reached/,
  ],
  [
    'a pause that no header can carry',
    (socket) =>
      socket.end(Buffer.from('HTTP/1.1 503 x\r\nretry-after: \xe2\x82\xac\r\ncontent-length: 0\r\n\r\n', 'latin1')),
    503,
    'answered 503',
  ],
] as [string, (socket: Socket) => unknown, number | null, string | RegExp | null][])(
  'a receiver that sends %s holds nothing up',
  async ([, serve, status, error]) => {
    const { port, open } = await receiveRaw(serve);
    const options = { ...sender(createGuardedAgent(true)), timeoutMs: 300 };
    const posted = await post(`http://127.0.0.1:${port}/`, options);
    expect(posted.status).toBe(status);
    if (error === null) expect(posted.error).toBeNull();
    else expect(posted.error).toMatch(error);
    expect(posted.latencyMs).toBeLessThan(2000);
    await waitFor(() => open() === 0, { what: 'the connection is given up', timeoutMs: 6000 });
  },
);

test('a receiver that speaks no TLS is told as such', async () => {
  const { port } = await receiveRaw((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  const options = { ...sender(createGuardedAgent(true)), timeoutMs: 2000 };
  expect(await post(`https://127.0.0.1:${port}/`, options)).toMatchObject({
    status: null,
    error: expect.stringMatching(/^could not be reached \(/),
  });
});

test('a receiver cannot keep its connection for as long as it likes', async () => {
  const { port, open } = await receiveRaw((socket) =>
    socket.write('HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\nkeep-alive: timeout=600\r\n\r\n'),
  );
  expect(await post(`http://127.0.0.1:${port}/`, sender(createGuardedAgent(true)))).toMatchObject({ error: null });
  await waitFor(() => open() === 0, { what: 'the connection is closed', timeoutMs: 4000 });
});
