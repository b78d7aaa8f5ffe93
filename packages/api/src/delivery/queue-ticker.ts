import type { LaneBoard } from '../lanes/lane-board.ts';
import { type Frame, queuedFrame } from './event-frames.ts';
import type { Accepted, EventStream } from './event-stream.ts';

export interface QueueTickerOptions {
  board: Pick<LaneBoard, 'position' | 'etaMs'>;
  tickMs: number;
}

export interface Ticking {
  id: string;
  record: Accepted;
  write: (frame: Frame) => boolean;
}

export interface QueueTicker {
  add(stream: EventStream, ticking: Ticking): void;
  remove(stream: EventStream): void;
  close(): void;
}

// Of more streams that wait than this, each hears in its turn: their places are looked up one by one.
const looksPerTick = 200;

/**
 * Tells the readers of jobs that wait for their turn how their place in the queue moves. Repeats the first event, so
 * the numbers of events do not depend on how long a job had to wait.
 */
export function createQueueTicker({ board, tickMs }: QueueTickerOptions): QueueTicker {
  const waiting = new Map<EventStream, Ticking & { position: number | null }>();

  async function tell(stream: EventStream): Promise<void> {
    const ticking = waiting.get(stream);
    if (!ticking) return;
    waiting.delete(stream);
    if (!stream.isWaiting) return;
    // To the end of the line, for the next turn.
    waiting.set(stream, ticking);
    const { id, record, write } = ticking;
    const position = await board.position(record.lane, record.leader ?? id);
    if (position === null || position === ticking.position || !stream.isWaiting) return;
    ticking.position = position;
    write(queuedFrame(id, record, { position, etaMs: await board.etaMs(record.lane, position) }));
  }

  const tick = () => {
    for (const stream of [...waiting.keys()].slice(0, looksPerTick)) {
      // A Redis that is away has no place to tell of; the next tick is due soon.
      tell(stream).catch(() => undefined);
    }
  };
  const timer = setInterval(tick, tickMs);

  return {
    add: (stream, ticking) => void (stream.isWaiting && waiting.set(stream, { ...ticking, position: null })),
    remove: (stream) => void waiting.delete(stream),
    close: () => clearInterval(timer),
  };
}
