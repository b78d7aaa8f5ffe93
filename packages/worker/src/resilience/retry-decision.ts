import { type Failure, failureRow } from '@llm-gateway/shared/contracts/failure';

export interface RetryLimits {
  attempts: number;
  baseDelayMs: number;
  /** A provider that asks for a longer pause than this is not waited for. */
  retryAfterMaxMs: number;
  /** What is left until the job's deadline, if it has one: an attempt that could not begin before is none. */
  leftMs?: number | undefined;
}

export type RetryDecision = { kind: 'final' } | { kind: 'retry'; delayMs: number };

const delayMaxMs = 60_000;

/**
 * What follows a failed attempt. Backoff doubles from `baseDelayMs` up to a minute with "equal jitter" (half fixed,
 * half random: AWS Architecture Blog, "Exponential Backoff And Jitter"), so that the attempts of a burst do not come
 * back as a burst and none comes back at once. A provider's Retry-After is a lower bound.
 */
export function decideRetry(
  failure: Failure,
  attempt: number,
  { attempts, baseDelayMs, retryAfterMaxMs, leftMs = Number.POSITIVE_INFINITY }: RetryLimits,
  random: () => number,
): RetryDecision {
  if (failureRow(failure.code).retry === 'never' || attempt >= attempts) return { kind: 'final' };
  if ((failure.retryAfterMs ?? 0) > retryAfterMaxMs) return { kind: 'final' };
  const ceilingMs = Math.min(baseDelayMs * 2 ** (attempt - 1), delayMaxMs);
  const backoffMs = Math.round(ceilingMs / 2 + (ceilingMs / 2) * random());
  const delayMs = Math.max(backoffMs, failure.retryAfterMs ?? 0);
  return delayMs < leftMs ? { kind: 'retry', delayMs } : { kind: 'final' };
}
