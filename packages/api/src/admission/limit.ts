import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { type LimitRule, weightIn } from '../limits/limit-rule.ts';
import type { RateDecision, RuleState } from '../limits/rate-limiter.ts';

const hourMs = 3_600_000;

/** The refusal that tells when the request will be admitted. It carries the decision, which its headers show. */
export class RateLimited extends GatewayError {
  readonly decision: RateDecision;

  /** `tokens` is what the request was to reserve. */
  constructor(decision: RateDecision, tokens: number) {
    const neverPasses = decision.rules.some(({ measure, limit }) => measure === 'tokens' && tokens > limit);
    super({
      code: 'rate_limited',
      detail: refusalText(decision, tokens),
      // So long that no client tries again by itself.
      retryAfterMs: neverPasses ? Math.max(decision.retryAfterMs, hourMs) : decision.retryAfterMs,
    });
    this.decision = decision;
  }
}

function refusalText({ rules }: RateDecision, tokens: number): string {
  const refusing = rules.filter((rule) => rule.limit === 0 || rule.used + weightIn(rule, tokens) > rule.limit);
  const tooSmall = refusing.filter(({ measure, limit }) => measure === 'tokens' && limit > 0 && tokens > limit);
  if (tooSmall.length > 0) {
    const { limit } = tooSmall.reduce((least, rule) => (rule.limit < least.limit ? rule : least));
    const named = listOf(tooSmall.filter((rule) => rule.limit === limit).map(ruleText));
    return (
      `The request needs ${count(tokens, 'token')} and can never pass the limit of ${named}: ` +
      'shorten the prompt or lower max_tokens.'
    );
  }
  const is = refusing.length === 1 ? 'limit' : 'limits';
  const reached = `The ${is} of ${listOf(refusing.map(ruleText))} ${refusing.length === 1 ? 'is' : 'are'} reached`;
  return `${reached}${tokensText(refusing, tokens)}.`;
}

/** Why a window of tokens refuses although something is left in it. */
function tokensText(refusing: readonly RuleState[], tokens: number): string {
  const left = refusing.filter(({ measure }) => measure === 'tokens').map(({ remaining }) => remaining);
  if (left.length === 0) return '';
  const least = Math.min(...left);
  return `: the request needs ${count(tokens, 'token')}, ${least} ${least === 1 ? 'is' : 'are'} left`;
}

const whose = { user: 'of this user', key: 'of this API key', tenant: 'of the tenant' } as const satisfies Record<
  LimitRule['scope'],
  string
>;

const spans: Record<number, string> = { 60000: 'minute', 3600000: 'hour' };

/** `10 requests per minute of this user for openai/gpt-4o`, `5 generations at once of the tenant`. */
function ruleText({ scope, model, measure, limit, windowMs }: LimitRule): string {
  const amount =
    measure === 'concurrency'
      ? `${count(limit, 'generation')} at once`
      : `${count(limit, measure === 'tokens' ? 'token' : 'request')} per ${spans[windowMs] ?? `${windowMs} ms`}`;
  return `${amount} ${whose[scope]}${model === undefined ? '' : ` for ${model}`}`;
}

const count = (amount: number, noun: string) => `${amount} ${noun}${amount === 1 ? '' : 's'}`;

/** `a`, `a and b`, `a, b and c`. */
const listOf = (texts: readonly string[]) =>
  [texts.slice(0, -1).join(', '), texts.at(-1)].filter((text) => text !== '').join(' and ');
