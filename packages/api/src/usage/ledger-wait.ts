import { setTimeout as pause } from 'node:timers/promises';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

export interface LedgerWaitOptions {
  redis: Redis;
  keys: Keys;
  waitMs?: number;
  pollMs?: number;
}

/**
 * Waits until all rows that are in the outbox now have left it for the ledger, so that whoever was answered finds its
 * request there. False when that takes too long, or when nobody knows; `signal` ends the wait.
 */
export type WaitForLedger = (signal: AbortSignal) => Promise<boolean>;

export function createLedgerWait({ redis, keys, waitMs = 2000, pollMs = 10 }: LedgerWaitOptions): WaitForLedger {
  const readOldest = () => redis.xrange(keys.ledger, '-', '+', 'COUNT', 1);
  let upcoming: ReturnType<typeof readOldest> | undefined;

  /** One reading for all who wait, which begins after they have asked for it. */
  function readNext(): ReturnType<typeof readOldest> {
    upcoming ??= pause(pollMs).then(() => {
      upcoming = undefined;
      return readOldest();
    });
    return upcoming;
  }

  async function wait(signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + waitMs;
    const [newest] = await redis.xrevrange(keys.ledger, '+', '-', 'COUNT', 1);
    if (!newest) return true;
    let [oldest] = await readOldest();
    while (!signal.aborted) {
      if (!oldest || isLater(oldest[0], newest[0])) return true;
      if (performance.now() > deadline) return false;
      [oldest] = await readNext();
    }
    return false;
  }
  return (signal) => wait(signal).catch(() => false);
}

/** Of two ids of a stream, `<ms>-<number>`. */
function isLater(id: string, other: string): boolean {
  const [ms = 0, number = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split('-').map(Number);
  return ms === otherMs ? number > otherNumber : ms > otherMs;
}
