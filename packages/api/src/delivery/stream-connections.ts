import type { ServerResponse } from 'node:http';
import { type Frame, heartbeat, retryHint } from './event-frames.ts';

export interface StreamConnectionsOptions {
  heartbeatMs: number;
  /** A reader that has taken nothing for so long is cut off; it can come back with the number of its last event. */
  stuckMs: number;
}

/** One open response of server-sent events. */
export interface StreamConnection {
  /** False when the reader has to catch up, and `onDrain` tells when it has; or when the stream has ended. */
  write(frame: Frame): boolean;
  /** With some last words. */
  end(text: string): void;
}

/** How a stream is begun and ended, beside what it tells. */
export interface StreamManner {
  /** Its first words. */
  opening: string;
  /** What a reader hears that has to come back to another process. */
  farewell: string;
  /** What a reader hears that is told no more, although nothing has ended. */
  lost: string;
  /** Whether its readers are told how their place in the queue moves. */
  tellsPlace: boolean;
}

/** Of our own events: an EventSource comes back by itself. */
export const nativeManner: StreamManner = { opening: retryHint, farewell: retryHint, lost: '', tellsPlace: true };

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
  manner: StreamManner;
}

interface Open {
  response: ServerResponse;
  blockedSinceMs: number | undefined;
  farewell: string;
}

export const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Proxies that buffer would hold the text back.
  'x-accel-buffering': 'no',
};

/** Nothing is written after the end: the error that Node makes of it would end the process. */
function send(connection: Open, text: string): boolean {
  const { response } = connection;
  if (response.writableEnded) return false;
  const isFull = !response.write(text);
  if (isFull) connection.blockedSinceMs ??= performance.now();
  return !isFull;
}

/** The end has to be taken in time as well. */
function end(connection: Open, text: string): void {
  if (connection.response.writableEnded) return;
  connection.blockedSinceMs ??= performance.now();
  connection.response.end(text);
}

/** All streams of this process: one timer keeps them alive and cuts off who does not read. */
export function createStreamConnections({ heartbeatMs, stuckMs }: StreamConnectionsOptions): StreamConnections {
  const open = new Set<Open>();

  function beat(): void {
    const nowMs = performance.now();
    for (const connection of open) {
      const { response, blockedSinceMs } = connection;
      if (blockedSinceMs === undefined) send(connection, heartbeat);
      else if (nowMs - blockedSinceMs > stuckMs) response.destroy();
    }
  }
  const timer = setInterval(beat, heartbeatMs);

  return {
    open(response, headers, frames, { onDrain, onClose, manner: { opening, farewell } }) {
      const connection: Open = { response, blockedSinceMs: undefined, farewell };
      open.add(connection);
      response.on('drain', () => {
        if (response.writableEnded) return;
        connection.blockedSinceMs = undefined;
        onDrain();
      });
      response.once('close', () => {
        open.delete(connection);
        onClose();
      });
      response.writeHead(200, { ...headers, ...eventStreamHeaders });
      send(connection, opening + frames.map(({ text }) => text).join(''));
      return {
        write: ({ text }) => text === '' || send(connection, text),
        end: (text) => end(connection, text),
      };
    },
    size: () => open.size,
    drain() {
      for (const connection of open) {
        end(connection, connection.farewell);
        // A reader that came back on this connection would be refused, which an EventSource takes for the last word.
        connection.response.socket?.end();
      }
    },
    close: () => clearInterval(timer),
  };
}
