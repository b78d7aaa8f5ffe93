import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { RateDecision, RateLimiter, RateWindow } from '../limits/rate-limiter.ts';

/** Who is limited: a user within its tenant. A user id is free text, so it is encoded. */
export const limitSubject = (tenantId: string, userId: string): string => `${tenantId}:${encodeURIComponent(userId)}`;

/** The windows of every user. */
export const requestWindows = (perMinute: number, perHour: number): RateWindow[] => [
  { name: 'minute', limit: perMinute, windowMs: 60_000 },
  { name: 'hour', limit: perHour, windowMs: 3_600_000 },
];

/** Counts a request, or throws `rate_limited` with the time at which the next one will be admitted. */
export async function limit(
  limiter: RateLimiter,
  windows: readonly RateWindow[],
  subject: string,
  id: string,
): Promise<RateDecision> {
  const decision = await limiter.admit(subject, windows, id);
  if (decision.admitted) return decision;
  throw new RateLimited(decision);
}

/** Carries the decision along, because the refusal's headers show it. */
export class RateLimited extends GatewayError {
  readonly decision: RateDecision;

  constructor(decision: RateDecision) {
    const full = decision.windows.filter(({ remaining }) => remaining === 0);
    const named = full.map((window) => `${window.limit} requests per ${window.name}`).join(' and ');
    super({
      code: 'rate_limited',
      detail: `The limit of ${named} is reached.`,
      retryAfterMs: decision.retryAfterMs,
    });
    this.decision = decision;
  }
}
