import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { RateDecision, RateWindow } from '../limits/rate-limiter.ts';

/** Who is limited: a user within its tenant. A user id is free text, so it is encoded. */
export const limitSubject = (tenantId: string, userId: string): string => `${tenantId}:${encodeURIComponent(userId)}`;

/** The windows of every user. */
export const requestWindows = (perMinute: number, perHour: number): RateWindow[] => [
  { name: 'minute', limit: perMinute, windowMs: 60_000 },
  { name: 'hour', limit: perHour, windowMs: 3_600_000 },
];

/** The refusal that tells when the next request will be admitted. It carries the decision, which its headers show. */
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
