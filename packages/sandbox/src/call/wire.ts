import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';

/** The connection of one call, down to the socket. Every wait ends with an error as soon as the client has left. */
export interface Wire {
  hasLeft(): boolean;
  wait(ms: number): Promise<void>;
  /** Keeps the connection open and says nothing more. */
  silence(): Promise<never>;
  /** From here on the answer is written here and no longer by Fastify. */
  head(status: number, headers: Record<string, string | number>): void;
  /** Resolves when the client has taken enough to be sent more. */
  write(chunk: string): Promise<void>;
  end(): void;
  /** Closes after what was written, whatever the headers promised. */
  cutOff(): void;
  /** TCP reset. */
  reset(): Promise<void>;
}

export function openWire(reply: FastifyReply): Wire {
  const { raw } = reply;
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return {
    hasLeft: () => gone.signal.aborted,
    wait: async (ms) => (ms > 0 ? sleep(ms, undefined, { signal: gone.signal }) : undefined),
    async silence() {
      if (!gone.signal.aborted) await once(gone.signal, 'abort');
      throw new Error('The client has left');
    },
    head(status, headers) {
      reply.hijack();
      // What hooks have set on the reply is Fastify's to send, and Fastify will not.
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value);
      raw.writeHead(status, headers);
    },
    async write(chunk) {
      gone.signal.throwIfAborted();
      if (!raw.write(chunk)) await once(raw, 'drain', { signal: gone.signal });
    },
    end: () => void raw.end(),
    cutOff: () => void raw.socket?.destroySoon(),
    async reset() {
      reply.hijack();
      // Node writes at the end of the tick; a reset in the same tick would take back what was written before it.
      await nextTurn();
      raw.socket?.resetAndDestroy();
    },
  };
}
