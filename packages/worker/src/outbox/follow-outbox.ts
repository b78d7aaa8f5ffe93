import { setTimeout as pause } from 'node:timers/promises';
import { createOutbox, type Outbox, type OutboxOptions, type RawEntry } from './outbox.ts';

export interface FollowOptions extends OutboxOptions {
  /**
   * Deals with entries, and removes those that are done with; what is left is taken again later. `closing` fires when
   * the process stops.
   */
  handle: (entries: RawEntry[], outbox: Outbox, closing: AbortSignal) => Promise<unknown>;
  onError: (error: unknown) => void;
  /** Pause after a batch that was not full, in which the next one grows; none if absent. */
  restMs?: number;
}

export interface Follower {
  /** Takes no more entries and resolves when those in hand are done with, or soon. Ends the reader's connection. */
  close(): Promise<void>;
}

const errorPauseMs = 1000;
// With Redis away an entry in hand is never done with; it stays in the outbox.
const closeMs = 1000;

/** Takes entries of an outbox, batch by batch, until it is closed. */
export function followOutbox({ handle, onError, restMs = 0, ...options }: FollowOptions): Follower {
  const outbox = createOutbox(options);
  const closing = new AbortController();

  async function run(): Promise<void> {
    await outbox.open();
    while (!closing.signal.aborted) {
      const entries = await outbox.take();
      if (entries.length === 0) continue;
      await handle(entries, outbox, closing.signal);
      const isBehind = entries.length >= options.batch;
      if (restMs > 0 && !isBehind) await pause(restMs, undefined, { signal: closing.signal });
    }
  }

  /** Whatever goes wrong, from the start again: a Redis that has lost its data has to be opened anew. */
  async function runOn(): Promise<void> {
    while (!closing.signal.aborted) {
      await run().catch((error: unknown) => closing.signal.aborted || onError(error));
      if (!closing.signal.aborted) await pause(errorPauseMs);
    }
  }

  const ended = runOn();
  return {
    async close() {
      closing.abort();
      options.reader.disconnect();
      await Promise.race([ended, pause(closeMs, undefined, { ref: false })]);
    },
  };
}
