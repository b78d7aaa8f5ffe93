import type { ServerResponse } from 'node:http';
import { type Frame, heartbeat, retryHint } from './event-frames.ts';

export interface StreamConnectionsOptions {
  heartbeatMs: number;
  /** A reader that has taken nothing for so long is cut off; it can come back with the number of its last event. */
  stuckMs: number;
}

/** One open response of server-sent events. */
export interface StreamConnection {
  /** False when the reader has to catch up; `onDrain` tells when it has. */
  write(frame: Frame): boolean;
  end(): void;
}

export interface StreamConnections {
  /** Answers with a stream, beginning with what is there already. */
  open(
    response: ServerResponse,
    headers: Record<string, string>,
    frames: readonly Frame[],
    on: StreamHandlers,
  ): StreamConnection;
  size(): number;
  /** Sends every reader away, to come back to another process. */
  drain(): void;
  close(): void;
}

export interface StreamHandlers {
  onDrain: () => void;
  onClose: () => void;
}

interface Open {
  response: ServerResponse;
  blockedSinceMs: number | undefined;
}

const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Proxies that buffer would hold the text back.
  'x-accel-buffering': 'no',
};

/** All streams of this process: one timer keeps them alive and cuts off who does not read. */
export function createStreamConnections({ heartbeatMs, stuckMs }: StreamConnectionsOptions): StreamConnections {
  const open = new Set<Open>();

  function beat(): void {
    const nowMs = performance.now();
    for (const connection of open) {
      const { response, blockedSinceMs } = connection;
      if (blockedSinceMs === undefined) response.write(heartbeat);
      else if (nowMs - blockedSinceMs > stuckMs) response.destroy();
    }
  }
  const timer = setInterval(beat, heartbeatMs);

  return {
    open(response, headers, frames, { onDrain, onClose }) {
      const connection: Open = { response, blockedSinceMs: undefined };
      open.add(connection);
      const send = (text: string): boolean => {
        const isFull = !response.write(text);
        if (isFull) connection.blockedSinceMs ??= performance.now();
        return !isFull;
      };
      response.on('drain', () => {
        connection.blockedSinceMs = undefined;
        onDrain();
      });
      response.once('close', () => {
        open.delete(connection);
        onClose();
      });
      response.writeHead(200, { ...headers, ...eventStreamHeaders });
      send(retryHint + frames.map(({ text }) => text).join(''));
      return { write: ({ text }) => send(text), end: () => response.end() };
    },
    size: () => open.size,
    drain() {
      for (const { response } of open) response.end(retryHint);
    },
    close: () => clearInterval(timer),
  };
}
