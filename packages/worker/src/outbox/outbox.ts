import type { Redis } from 'ioredis';

export interface OutboxOptions {
  redis: Redis;
  /** A connection of its own, because reading blocks it. */
  reader: Redis;
  /** The stream's key. */
  stream: string;
  /** Whose place in the stream it is. */
  group: string;
  /** How many entries are taken at once. */
  batch: number;
  /** How long an entry is left to the process that took it before that is taken for dead. */
  claimAfterMs: number;
}

/** An entry of an outbox as Redis keeps it; its id begins with the time of its writing, in ms. */
export type RawEntry = [id: string, fields: string[]];

/** A stream in which scripts leave what is to be told elsewhere; shared out among all processes. */
export interface Outbox {
  /** To be called before the first take, and again when Redis has lost its data. */
  open(): Promise<void>;
  /** Entries that nobody has, or those of dead processes. Waits a while for the first one. */
  take(): Promise<RawEntry[]>;
  /** Says that entries are done with. */
  remove(...ids: string[]): Promise<void>;
}

// One name for all processes: an entry is given to one reader only, and what dead processes took is found by its age.
const consumer = 'worker';
const blockMs = 2000;

export function createOutbox({ redis, reader, stream, group, batch, claimAfterMs }: OutboxOptions): Outbox {
  let claimAtMs = 0;

  async function takeNew(): Promise<RawEntry[]> {
    const reading = ['COUNT', batch, 'BLOCK', blockMs, 'STREAMS', stream, '>'] as const;
    const streams = await reader.xreadgroup('GROUP', group, consumer, ...reading);
    return (streams?.[0]?.[1] ?? []) as RawEntry[];
  }

  async function takeForgotten(): Promise<RawEntry[]> {
    if (Date.now() < claimAtMs) return [];
    claimAtMs = Date.now() + claimAfterMs / 3;
    const claimed = await redis.xautoclaim(stream, group, consumer, claimAfterMs, '0', 'COUNT', batch);
    const [, entries] = claimed as [string, (RawEntry | null)[]];
    // Redis 6.2 gives null for an entry that is no longer there.
    return entries.filter((entry) => entry !== null);
  }

  return {
    async open() {
      await redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM').catch((error: unknown) => {
        if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
      });
    },
    async take() {
      const forgotten = await takeForgotten();
      return forgotten.length > 0 ? forgotten : takeNew();
    },
    async remove(...ids) {
      await redis
        .multi()
        .xack(stream, group, ...ids)
        .xdel(stream, ...ids)
        .exec();
    },
  };
}
