import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createUndiciFetch } from './undici-fetch.ts';

/** A server that answers as told, and our fetch to ask it. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer(answer).listen(0, '127.0.0.1');
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await once(server, 'listening');
  const transport = createUndiciFetch();
  onTestFinished(async () => {
    await transport.close();
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { ...transport, url, sockets, connections: () => connections };
}

const echo = async (request: IncomingMessage, response: ServerResponse) => {
  const parts: string[] = [];
  for await (const part of request) parts.push(String(part));
  const { method, url, headers } = request;
  response.writeHead(201, { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'], 'x-one': 'ä' });
  response.end(JSON.stringify({ method, url, headers, body: parts.join('') }));
};

async function chunksOf(response: Response): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of response.body ?? []) chunks.push(Buffer.from(chunk).toString());
  return chunks;
}

describe('a request', () => {
  test('arrives as it was meant', async () => {
    const { fetch, url } = await serve(echo);
    const response = await fetch(new URL(`${url}/v1/things?a=b%20c`), {
      method: 'POST',
      headers: new Headers({ Authorization: 'Bearer k', 'X-Two': 'zwei' }),
      body: '{"text":"Bären 🐻"}',
    });
    expect(await response.json()).toMatchObject({
      method: 'POST',
      url: '/v1/things?a=b%20c',
      headers: { authorization: 'Bearer k', 'x-two': 'zwei', 'content-length': '22' },
      body: '{"text":"Bären 🐻"}',
    });
  });

  test('without a body, with headers as an object', async () => {
    const { fetch, url } = await serve(echo);
    const response = await fetch(url, { headers: { 'x-two': 'zwei' } });
    expect(await response.json()).toMatchObject({ method: 'GET', url: '/', headers: { 'x-two': 'zwei' }, body: '' });
  });

  test('with a body that is no string is refused, not sent empty', async () => {
    const { fetch, url, connections } = await serve(echo);
    const sent = fetch(url, { method: 'POST', body: new Uint8Array([1]) });
    await expect(sent).rejects.toThrow('fetch failed');
    expect(connections()).toBe(0);
  });
});

describe('a response', () => {
  test('has what the SDKs read', async () => {
    const { fetch, url } = await serve(echo);
    const response = await fetch(`${url}/a`);
    expect(response).toMatchObject({ status: 201, ok: true, url: `${url}/a` });
    expect(response.headers).toBeInstanceOf(Headers);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(JSON.parse(await response.text())).toMatchObject({ url: '/a' });
  });

  test.for([300, 302, 400, 500])('of %i is not ok, and no redirect is followed', async (status) => {
    const { fetch, url, connections } = await serve((_request, response) =>
      response.writeHead(status, { location: '/elsewhere' }).end('no'),
    );
    const response = await fetch(url, { headers: { authorization: 'Bearer k' } });
    expect(response).toMatchObject({ status, ok: false });
    expect(await response.text()).toBe('no');
    expect(connections()).toBe(1);
  });

  test('is given out piece by piece, as it comes', async () => {
    const second = Promise.withResolvers<void>();
    const { fetch, url } = await serve(async (_request, response) => {
      response.write('first');
      await second.promise;
      response.end('second');
    });
    const response = await fetch(url);
    const chunks = response.body?.[Symbol.asyncIterator]();
    expect(String(Buffer.from((await chunks?.next())?.value ?? []))).toBe('first');
    second.resolve();
    expect(String(Buffer.from((await chunks?.next())?.value ?? []))).toBe('second');
    expect(await chunks?.next()).toEqual({ value: undefined, done: true });
  });

  test('larger than any buffer comes whole', async () => {
    const { fetch, url } = await serve((_request, response) => response.end('x'.repeat(5_000_000)));
    const chunks = await chunksOf(await fetch(url));
    expect(chunks.reduce((sum, { length }) => sum + length, 0)).toBe(5_000_000);
  });
});

describe('an error', () => {
  test('of the connection is a TypeError with its cause', async () => {
    const { fetch, url, close } = await serve(echo);
    await close();
    await expect(fetch(url)).rejects.toMatchObject({ name: 'TypeError', message: 'fetch failed' });
    const other = createUndiciFetch();
    onTestFinished(other.close);
    await expect(other.fetch('http://127.0.0.1:1/')).rejects.toMatchObject({
      name: 'TypeError',
      message: 'fetch failed',
      cause: { code: 'ECONNREFUSED' },
    });
  });

  test('in mid-answer is a TypeError with its cause', async () => {
    const { fetch, url } = await serve((request, response) => {
      response.write('half');
      setImmediate(() => request.socket.resetAndDestroy());
    });
    const response = await fetch(url);
    await expect(chunksOf(response)).rejects.toMatchObject({
      name: 'TypeError',
      message: 'terminated',
      cause: expect.any(Error),
    });
  });

  test.for(['text', 'json', 'arrayBuffer'] as const)(
    'of a body that is read whole, as %s, is one too',
    async (read) => {
      const { fetch, url } = await serve((request, response) => {
        response.write('{"half": ');
        setImmediate(() => request.socket.resetAndDestroy());
      });
      const response = await fetch(url);
      await expect(response[read]()).rejects.toMatchObject({
        name: 'TypeError',
        message: 'terminated',
        cause: expect.any(Error),
      });
    },
  );

  test('a length that is not kept is one', async () => {
    const { fetch, url } = await serve((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      request.socket.destroySoon();
    });
    await expect(chunksOf(await fetch(url))).rejects.toMatchObject({ name: 'TypeError', message: 'terminated' });
  });
});

describe('an abort', () => {
  const hang = (_request: IncomingMessage, response: ServerResponse) => void response.write('half');

  test.for([
    ['without a reason', undefined, { name: 'AbortError' }],
    ['with one', new Error('enough'), { message: 'enough' }],
  ] as const)('%s, before the headers, rejects with it and ends the connection', async ([, reason, expected]) => {
    const { fetch, url, sockets } = await serve(() => undefined);
    const leaving = new AbortController();
    const pending = fetch(url, { signal: leaving.signal });
    await waitFor(() => sockets.size === 1, { what: 'the connection' });
    leaving.abort(reason);
    await expect(pending).rejects.toMatchObject(expected);
    await waitFor(() => sockets.size === 0, { what: 'the end of the connection' });
  });

  test('in mid-answer does the same', async () => {
    const { fetch, url, sockets } = await serve(hang);
    const leaving = new AbortController();
    const pending = chunksOf(await fetch(url, { signal: leaving.signal }));
    leaving.abort();
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    await waitFor(() => sockets.size === 0, { what: 'the end of the connection' });
  });

  test('of a body that is read whole does the same', async () => {
    const { fetch, url, sockets } = await serve(hang);
    const leaving = new AbortController();
    const pending = (await fetch(url, { signal: leaving.signal })).json();
    leaving.abort();
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    await waitFor(() => sockets.size === 0, { what: 'the end of the connection' });
  });

  test('while nobody reads does no harm', async () => {
    const { fetch, url, sockets } = await serve(hang);
    const leaving = new AbortController();
    const response = await fetch(url, { signal: leaving.signal });
    leaving.abort();
    await waitFor(() => sockets.size === 0, { what: 'the end of the connection' });
    await expect(chunksOf(response)).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('before the request sends nothing', async () => {
    const { fetch, url, connections } = await serve(echo);
    await expect(fetch(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(connections()).toBe(0);
  });
});

describe('connections', () => {
  // Two, because a call may start before the connection of the one before it counts as free.
  test('are used again', async () => {
    const { fetch, url, connections } = await serve(echo);
    for (let call = 0; call < 10; call += 1) await (await fetch(url)).text();
    expect(connections()).toBeLessThanOrEqual(2);
  });

  test('as many as there are calls: none waits for another', async () => {
    const all = Promise.withResolvers<void>();
    let waiting = 0;
    const { fetch, url, connections } = await serve(async (_request, response) => {
      waiting += 1;
      if (waiting === 150) all.resolve();
      await all.promise;
      response.end('ok');
    });
    const texts = await Promise.all(Array.from({ length: 150 }, async () => (await fetch(url)).text()));
    expect(texts).toEqual(Array.from({ length: 150 }, () => 'ok'));
    expect(connections()).toBe(150);
  });

  test('are used again after a reader that left at the last word, before the end', async () => {
    let end = Promise.withResolvers<void>();
    const { fetch, url, connections } = await serve(async (_request, response) => {
      response.write('[DONE]');
      await end.promise;
      response.end();
    });
    for (let call = 0; call < 10; call += 1) {
      end = Promise.withResolvers<void>();
      const chunks = (await fetch(url)).body?.[Symbol.asyncIterator]();
      await chunks?.next();
      await chunks?.return?.();
      end.resolve();
    }
    expect(connections()).toBeLessThanOrEqual(2);
  });

  test.for([
    ['goes on and on', (response: ServerResponse) => void response.write('x'.repeat(1_000_000))],
    ['never ends', () => undefined],
  ] as const)('end when what follows the last word %s', async ([, rest]) => {
    const { fetch, url, sockets } = await serve((_request, response) => {
      response.write('[DONE]');
      setImmediate(() => rest(response));
    });
    const chunks = (await fetch(url)).body?.[Symbol.asyncIterator]();
    await chunks?.next();
    await chunks?.return?.();
    await waitFor(() => sockets.size === 0, { what: 'the end of the connection' });
  });

  test('close ends them, even in the middle of a call', async () => {
    const { fetch, url, close, sockets } = await serve((_request, response) => void response.write('half'));
    const pending = chunksOf(await fetch(url));
    await close();
    await expect(pending).rejects.toMatchObject({ name: 'TypeError' });
    await waitFor(() => sockets.size === 0, { what: 'the end of the connection' });
  });
});
