import { limitsLua } from '@llm-gateway/shared/limits/limits-lua';
import { defineScript, type RunScript } from '@llm-gateway/shared/redis/define-script';
import type { Redis } from 'ioredis';
import { type LimitRule, weightIn } from './limit-rule.ts';

export interface RuleState extends LimitRule {
  used: number;
  remaining: number;
  /** Until `used` falls next: the oldest that counts leaves the window. 0 if nothing is used, and for concurrency. */
  resetMs: number;
}

export interface RateDecision {
  admitted: boolean;
  /**
   * Until the same request would be admitted if no other comes first, exact to the millisecond; 0 if admitted. A second
   * where it waits for others to end, which nobody can foresee.
   */
  retryAfterMs: number;
  rules: RuleState[];
}

export interface RateLimiter {
  /**
   * Counts the request under all rules, or refuses it and counts it under none. A repeat of an `id` that is still in a
   * log or among holders is admitted without being counted, so a command whose reply was lost may be sent again.
   * Throws `dependency_down` where Redis is out of reach.
   */
  admit(rules: readonly LimitRule[], request: { id: string; tokens: number }): Promise<RateDecision>;
  /** What `admit` would decide now on the lightest of requests, without counting it. */
  peek(rules: readonly LimitRule[]): Promise<RateDecision>;
}

/** Spells the key of one rule; all keys of one request must lie in one Redis Cluster slot. */
export type LimitKey = (subject: string, window: string) => string;

/** Up to this limit every request of a window is logged (about 100 bytes each) and the window is exact. */
export const loggedLimitMax = 1000;

/**
 * Limits in Redis, decided in one atomic script by the clock of Redis. No window ever holds more than its limit.
 *
 * Requests, limit <= 1000: a log. A request at t counts while now - t < windowMs.
 *
 * Requests, limit > 1000, and tokens: sums in slots of a thousandth of the window. What comes at t counts until its
 * whole slot has left the window, so for up to a thousandth longer than it should: steady traffic is admitted at
 * 99.9 % of the limit or more. A repeated id counts again, unless a log or a held place beside it knows it.
 *
 * Concurrency: ids of who holds a place.
 *
 * Each kind has keys of its own, so a limit of requests that is changed across 1000 starts an empty window, and the old
 * one expires. Any other changed limit holds at once for what is already counted.
 */
export function createRateLimiter({ redis, keyFor }: { redis: Redis; keyFor: LimitKey }): RateLimiter {
  return limitWith(defineScript(redis, `${limitsLua}\nreturn (limits(KEYS, ARGV))`), keyFor);
}

/** The limiter over a given runner of the script: tests run the same script under a clock of their own. */
export function limitWith(run: RunScript, keyFor: LimitKey): RateLimiter {
  const decide = async (mode: 'admit' | 'peek', id: string, rules: readonly LimitRule[], tokens: number) => {
    if (rules.length === 0) return { admitted: true, retryAfterMs: 0, rules: [] };
    const { keys, rows } = limitArguments(rules, tokens, keyFor);
    return readRateReply((await run(keys, [mode, id, ...rows])) as RateReply, rules);
  };
  return {
    admit: (rules, { id, tokens }) => decide('admit', id, rules, tokens),
    peek: (rules) => decide('peek', '', rules, 1),
  };
}

/** What the Lua function `limits` needs to know of the rules of a request, besides the mode and the request's id. */
export const limitArguments = (rules: readonly LimitRule[], tokens: number, keyFor: LimitKey) => ({
  keys: rules.map((rule) => keyOf(rule, keyFor)),
  rows: rules.flatMap((rule): (string | number)[] => [kindOf(rule), rule.limit, rule.windowMs, weightIn(rule, tokens)]),
});

/** The function's reply. */
export type RateReply = [admitted: 0 | 1, retryAfterMs: number, ...usedAndResetMs: number[]];

export function readRateReply([admitted, retryAfterMs, ...states]: RateReply, rules: readonly LimitRule[]) {
  return {
    admitted: admitted === 1,
    retryAfterMs,
    rules: rules.map((rule, index) => {
      const [used, resetMs] = states.slice(2 * index) as [number, number];
      return { ...rule, used, remaining: Math.max(0, rule.limit - used), resetMs };
    }),
  } satisfies RateDecision;
}

/** The windows in which tokens are reserved, for who corrects them when it is known how many were used. */
export const tokenWindows = (rules: readonly LimitRule[], keyFor: LimitKey): [key: string, windowMs: number][] =>
  rules.filter(({ measure }) => measure === 'tokens').map((rule) => [keyOf(rule, keyFor), rule.windowMs]);

/** The keys in which a request holds a place, for who gives it back. */
export const heldKeys = (rules: readonly LimitRule[], keyFor: LimitKey): string[] =>
  rules.filter(({ measure }) => measure === 'concurrency').map((rule) => keyOf(rule, keyFor));

function kindOf({ measure, limit }: LimitRule): 'log' | 'slots' | 'held' {
  if (measure === 'concurrency') return 'held';
  return measure === 'requests' && limit <= loggedLimitMax ? 'log' : 'slots';
}

/** Without the limit, and without the name, which only clients read: what is counted outlives a change of either. */
const keyOf = (rule: LimitRule, keyFor: LimitKey): string =>
  keyFor(rule.subject, `${rule.measure}-${kindOf(rule)}-${rule.windowMs}`);
