import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { InHand } from './in-hand.ts';
import type { InterruptionReason } from './interruption.ts';

export interface DrainOptions {
  /** Each takes no more jobs once it is closed, and has closed when those in hand have ended. */
  workers: { close(): Promise<unknown> }[];
  /** Aborted when the time to finish is over: what still runs is handed back. */
  draining: AbortController;
  inHand: InHand;
  drainMs: number;
  log: Logger;
}

// Of the drain time, what is kept back for handing jobs back and closing.
const handBackMs = 2000;
// What an idle worker may take to close. With Redis away it never would.
const closeMs = 2000;

/** Stops taking jobs, lets those in hand finish, and hands back in time what did not. Never takes longer than `drainMs`. */
export async function drainWorkers({ workers, draining, inHand, drainMs, log }: DrainOptions): Promise<void> {
  const handBack = setTimeout(
    () => {
      log.info({ event: 'handing_back' }, 'drain time is over: unfinished jobs go back to the queue');
      draining.abort('draining' satisfies InterruptionReason);
    },
    Math.max(0, drainMs - handBackMs),
  );
  // close() never settles while Redis is away, so the wait for it has an end of its own.
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    deadline = setTimeout(resolve, drainMs);
  });
  await Promise.race([Promise.allSettled(workers.map((worker) => worker.close())), idleFor(closeMs, inHand), late]);
  clearTimeout(handBack);
  clearTimeout(deadline);
}

/** Resolves when nothing has been in hand for so long. */
async function idleFor(ms: number, inHand: InHand): Promise<void> {
  do {
    await inHand.idle();
    await pause(ms);
  } while (inHand.count() > 0);
}
