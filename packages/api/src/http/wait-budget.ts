import type { Preferences } from './prefer.ts';

/** Node's fetch gives up after 301 s without headers, whatever timeout its caller set (measured). */
const budgetMaxMs = 290_000;
// What a client with a timeout of its own needs to still receive our answer.
const marginMs = 5000;

/**
 * How long a request may wait for its job: what `Prefer: wait` says, else the configured time, less where the client's
 * SDK has told that it gives up earlier.
 */
export function waitBudgetMs({ waitS }: Preferences, stainlessTimeout: string | undefined, syncWaitMs: number): number {
  if (waitS !== undefined) return Math.min(waitS * 1000, budgetMaxMs);
  const clientMs = Number(stainlessTimeout) * 1000 - marginMs;
  return clientMs > 0 ? Math.min(syncWaitMs, clientMs) : syncWaitMs;
}
