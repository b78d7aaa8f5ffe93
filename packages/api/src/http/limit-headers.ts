import type { RateDecision, RuleState } from '../limits/rate-limiter.ts';
import type { Dialect } from './dialect.ts';

/**
 * Rate-limit headers of one decision: the IETF pair for every window (draft-ietf-httpapi-ratelimit-headers, whole
 * seconds, rounded up), and the tightest window of requests and the tightest of tokens in the names of the dialect's
 * vendor: OpenAI's `x-ratelimit-*`, natively too, or `anthropic-ratelimit-*`. Concurrency is no window and shows in none.
 * Empty without windows.
 */
export function limitHeaders(
  { rules }: RateDecision,
  dialect: Dialect = 'native',
  nowMs = Date.now(),
): Record<string, string> {
  const windows = rules.filter(({ measure }) => measure !== 'concurrency');
  if (windows.length === 0) return {};
  return {
    'ratelimit-policy': windows.map(policyItem).join(', '),
    ratelimit: windows.map((w) => `"${w.name}";r=${w.remaining};t=${seconds(w.resetMs)}`).join(', '),
    ...tightestHeaders(windows, 'requests', dialect, nowMs),
    ...tightestHeaders(windows, 'tokens', dialect, nowMs),
  };
}

/** Requests are what a policy counts where it says nothing. */
const policyItem = ({ name, limit, measure, windowMs }: RuleState) =>
  `"${name}";q=${limit};w=${seconds(windowMs)}${measure === 'tokens' ? ';qu="tokens"' : ''}`;

function tightestHeaders(
  windows: readonly RuleState[],
  measure: 'requests' | 'tokens',
  dialect: Dialect,
  nowMs: number,
): Record<string, string> {
  const tightest = windows.filter((w) => w.measure === measure).reduce<RuleState | undefined>(tighter, undefined);
  if (!tightest) return {};
  if (dialect === 'anthropic') {
    return {
      [`anthropic-ratelimit-${measure}-limit`]: String(tightest.limit),
      [`anthropic-ratelimit-${measure}-remaining`]: String(tightest.remaining),
      [`anthropic-ratelimit-${measure}-reset`]: new Date(nowMs + tightest.resetMs).toISOString(),
    };
  }
  return {
    [`x-ratelimit-limit-${measure}`]: String(tightest.limit),
    [`x-ratelimit-remaining-${measure}`]: String(tightest.remaining),
    [`x-ratelimit-reset-${measure}`]: goDuration(tightest.resetMs),
  };
}

/** Fewest remaining; among equals the one that stays so for longer. */
function tighter(best: RuleState | undefined, window: RuleState): RuleState {
  if (!best || window.remaining < best.remaining) return window;
  return window.remaining === best.remaining && window.resetMs > best.resetMs ? window : best;
}

const seconds = (ms: number) => Math.ceil(ms / 1000);

/** Go's `Duration.String`, which OpenAI sends and its clients parse: `12ms`, `1.5s`, `6m0s`, `1h0m0s`. */
function goDuration(ms: number): string {
  if (ms > 0 && ms < 1000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const rest = `${(ms % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
