import { defineScript, loadLua, type RunScript } from '@llm-gateway/shared/redis/define-script';
import type { Redis } from 'ioredis';

/** At most `limit` requests within any `windowMs`; both whole numbers, a limit of 0 refuses everything. */
export interface RateWindow {
  /** Part of the key: two windows of one subject have two names. */
  name: string;
  limit: number;
  windowMs: number;
}

export interface WindowState extends RateWindow {
  used: number;
  remaining: number;
  /** Until `used` falls next: the oldest counted request leaves the window. 0 if nothing is used. */
  resetMs: number;
}

export interface RateDecision {
  admitted: boolean;
  /** Until the next request would be admitted if no other comes first, exact to the millisecond; 0 if admitted. */
  retryAfterMs: number;
  windows: WindowState[];
}

export interface RateLimiter {
  /**
   * Counts the request in all windows, or refuses it and counts it in none. A repeat of an `id` that any logged
   * window still holds is admitted without being counted, so a command whose reply was lost may be sent again.
   * Throws `dependency_down` where Redis is out of reach.
   */
  admit(subject: string, windows: readonly RateWindow[], id: string): Promise<RateDecision>;
  /** What `admit` would decide now, without counting anything. */
  peek(subject: string, windows: readonly RateWindow[]): Promise<RateDecision>;
}

/** Spells the key of one window; all keys of one subject must lie in one Redis Cluster slot. */
export type LimitKey = (subject: string, window: string) => string;

/** Up to this limit every request of a window is logged (about 100 bytes each) and the window is exact. */
export const loggedLimitMax = 1000;

/**
 * Sliding windows in Redis, decided in one atomic script by the clock of Redis.
 *
 * Limit <= 1000: a log. A request at t counts while now - t < windowMs; no window ever holds more than its limit.
 *
 * Limit > 1000: two counters in buckets of windowMs that start at multiples of it since the epoch. Counted are the
 * current bucket's requests c and the previous one's p by the share of that bucket that still lies in the window:
 * used = c + p x (1 - e / windowMs), e = time since the bucket began. This takes the p requests as evenly spread:
 * - Too many: if they came late, the window holds up to p x e / windowMs more than `used` says. Worst case: a full
 *   burst at the end of a bucket lets just under 2 x limit through within one window.
 * - Too few: if they came early, it holds up to p x (1 - e / windowMs) fewer. Worst case: after a full burst at the
 *   start of a bucket, requests are refused at the start of the next although the window is empty.
 * - Even traffic is off by about one, no bucket ever admits more than the limit, so neither does the long run, and
 *   `retryAfterMs` is exact for this rule. A repeated id counts again, unless a logged window beside it holds it.
 *
 * Both kinds have keys of their own, so a limit changed across 1000 starts an empty window, and the old one expires.
 * Any other changed limit holds at once for what is already counted.
 */
export function createRateLimiter({ redis, keyFor }: { redis: Redis; keyFor: LimitKey }): RateLimiter {
  return limitWith(defineScript(redis, `${slidingWindowsLua}\nreturn sliding_windows(KEYS, ARGV)`), keyFor);
}

/** Lua function `sliding_windows(keys, args)`, for a script that decides on more than the limit. */
export const slidingWindowsLua = loadLua(import.meta.url, './sliding-windows.lua');

/** What that function needs to know of the windows of a subject, besides the mode and the id of the request. */
export const windowArguments = (subject: string, windows: readonly RateWindow[], keyFor: LimitKey) => ({
  keys: windows.map((window) => keyFor(subject, `${window.name}:${storeOf(window)}`)),
  rows: windows.flatMap((window) => [kindOf(window), window.limit, window.windowMs]),
});

/** The limiter over a given runner of the script: tests run the same script under a clock of their own. */
export function limitWith(run: RunScript, keyFor: LimitKey): RateLimiter {
  const decide = async (
    mode: 'admit' | 'peek',
    subject: string,
    windows: readonly RateWindow[],
    id: string,
  ): Promise<RateDecision> => {
    if (windows.length === 0) return { admitted: true, retryAfterMs: 0, windows: [] };
    const { keys, rows } = windowArguments(subject, windows, keyFor);
    return readRateReply((await run(keys, [mode, id, ...rows])) as RateReply, windows);
  };
  return {
    admit: (subject, windows, id) => decide('admit', subject, windows, id),
    peek: (subject, windows) => decide('peek', subject, windows, ''),
  };
}

/** The function's reply. */
export type RateReply = [admitted: 0 | 1, retryAfterMs: number, ...usedAndResetMs: number[]];

const kindOf = ({ limit }: RateWindow) => (limit <= loggedLimitMax ? 'log' : 'counter');

/** Buckets of another length are another count, so their length is part of the name. A log fits any length. */
const storeOf = (window: RateWindow) => (kindOf(window) === 'log' ? 'log' : `counter-${window.windowMs}`);

export function readRateReply(
  [admitted, retryAfterMs, ...states]: RateReply,
  windows: readonly RateWindow[],
): RateDecision {
  return {
    admitted: admitted === 1,
    retryAfterMs,
    windows: windows.map(({ name, limit, windowMs }, index) => {
      const [used, resetMs] = states.slice(2 * index) as [number, number];
      return { name, limit, windowMs, used, remaining: Math.max(0, limit - used), resetMs };
    }),
  };
}
