import { setTimeout as pause } from 'node:timers/promises';

export interface WaitForOptions {
  /** What is waited for, for the error's text. */
  what: string;
  timeoutMs?: number;
  intervalMs?: number;
}

/**
 * Looks until `look` gives something other than undefined, null or false. Throws when that takes too long, with the
 * last error of `look` as the cause if it threw.
 */
export async function waitFor<T>(
  look: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  { what, timeoutMs = 15_000, intervalMs = 20 }: WaitForOptions,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) return found;
    } catch (error) {
      lastError = error;
    }
    await pause(intervalMs);
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: lastError });
}
