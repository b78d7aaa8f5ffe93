import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  /** The bytes as they came. */
  body: string;
}

/** How a receiver answers; by default with 200. */
export type Answer = (response: ServerResponse, received: Received, number: number) => void;

export interface Receiver {
  url: string;
  port: number;
  /** Everything that was sent to it, in order. */
  received: Received[];
  /** What was sent to a path. */
  at: (path: string) => Received[];
  /** Replaces the answer to a path. */
  answer: (path: string, answer: Answer) => void;
  close: () => void;
}

export const answerWith =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(status, headers).end();

/** A stranger's HTTP server that takes down what it is sent, on a port of its own. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers = new Map<string, Answer>();
  const at = (path: string) => received.filter((one) => one.path === path);
  const server = createServer(async (request, response) => {
    let body = '';
    request.setEncoding('utf8');
    for await (const chunk of request) body += chunk;
    const one = { path: request.url ?? '', headers: request.headers, body };
    received.push(one);
    (answers.get(one.path) ?? answerWith(200))(response, one, at(one.path).length);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    at,
    answer: (path, answer) => answers.set(path, answer),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
