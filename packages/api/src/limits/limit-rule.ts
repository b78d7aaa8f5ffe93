import type { Limits } from '@llm-gateway/shared/contracts/policy';

/** One limit of somebody: at most `limit` within any `windowMs`, or at once. A limit of 0 refuses everything. */
export interface LimitRule {
  /** Unique within one request. Clients read it in headers: letters and hyphens only. */
  name: string;
  /** Whose limit it is. */
  scope: 'user' | 'key' | 'tenant';
  /** What it is counted under: its own for everybody of each scope, and for each model. */
  subject: string;
  /** Only for requests to this model, by our id. */
  model?: string;
  measure: 'requests' | 'tokens' | 'concurrency';
  limit: number;
  /** Of concurrency: how long a place is held by who never gives it back. */
  windowMs: number;
}

export interface LimitsOf {
  scope: LimitRule['scope'];
  subject: string;
  model?: string | undefined;
  limits: Limits;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** As long as the record of a job that does not end. */
const leaseMs = 14 * 24 * hourMs;

const kinds = [
  { member: 'requests_per_minute', name: 'minute', measure: 'requests', windowMs: minuteMs },
  { member: 'requests_per_hour', name: 'hour', measure: 'requests', windowMs: hourMs },
  { member: 'tokens_per_minute', name: 'tokens', measure: 'tokens', windowMs: minuteMs },
  { member: 'concurrency', name: 'concurrency', measure: 'concurrency', windowMs: leaseMs },
] as const satisfies (Pick<LimitRule, 'name' | 'measure' | 'windowMs'> & { member: keyof Limits })[];

/**
 * The limits of somebody as rules. Names are unique among the rules of one request if each scope comes once without a
 * model and once with one: `minute`, `key-minute`, `key-minute-model`.
 */
export function rulesOf({ scope, subject, model, limits }: LimitsOf): LimitRule[] {
  return kinds.flatMap(({ member, name, measure, windowMs }) => {
    const limit = limits[member];
    if (limit === undefined) return [];
    const fullName = `${scope === 'user' ? '' : `${scope}-`}${name}${model === undefined ? '' : '-model'}`;
    const about = model === undefined ? {} : { model };
    return [{ name: fullName, scope, subject, ...about, measure, limit, windowMs }];
  });
}

/** What a request of so many tokens counts for in a rule. */
export const weightIn = ({ measure }: Pick<LimitRule, 'measure'>, tokens: number): number =>
  measure === 'tokens' ? tokens : 1;
