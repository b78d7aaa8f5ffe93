import type { RateDecision, WindowState } from '../limits/rate-limiter.ts';

/**
 * Rate-limit headers of one decision: the IETF pair for every window (draft-ietf-httpapi-ratelimit-headers, whole
 * seconds, rounded up) and OpenAI's `x-ratelimit-*-requests` for the tightest one. None without windows.
 */
export function limitHeaders(decision: RateDecision): Record<string, string> {
  const tightest = decision.windows.reduce<WindowState | undefined>(tighter, undefined);
  if (!tightest) return {};
  return {
    'ratelimit-policy': decision.windows.map((w) => `"${w.name}";q=${w.limit};w=${seconds(w.windowMs)}`).join(', '),
    ratelimit: decision.windows.map((w) => `"${w.name}";r=${w.remaining};t=${seconds(w.resetMs)}`).join(', '),
    'x-ratelimit-limit-requests': String(tightest.limit),
    'x-ratelimit-remaining-requests': String(tightest.remaining),
    'x-ratelimit-reset-requests': goDuration(tightest.resetMs),
  };
}

/** Fewest remaining; among equals the one that stays so for longer. */
function tighter(best: WindowState | undefined, window: WindowState): WindowState {
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
