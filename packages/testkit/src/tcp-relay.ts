import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** An address in front of a server, that may be made to fail. */
export interface TcpRelay {
  port: number;
  /** Refuses connections and ends those that are open, as a server does that is away. */
  stop(): Promise<void>;
  /** Serves again. */
  start(): Promise<void>;
  /** Takes connections and passes nothing on, in either direction, as a network does that is broken. */
  hold(): void;
}

/** Listens on a port of its own and passes on to `target` what comes. */
export async function startTcpRelay(target: { host: string; port: number }): Promise<TcpRelay> {
  const sockets = new Set<Socket>();
  let isHeld = false;
  const server = createServer((client) => {
    const upstream = connect(target);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('data', (data) => isHeld || other.write(data));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async start() {
      isHeld = false;
      if (!server.listening) await listen(port);
    },
    hold() {
      isHeld = true;
    },
  };
}
