import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { formatUsd, nanoUsdOfText } from '@llm-gateway/shared/pricing/format-usd';
import type { BudgetRule } from '../budget/budget-rule.ts';
import { periodEndMs } from '../budget/period.ts';
import type { RateDecision } from '../limits/rate-limiter.ts';

/** What stands in a budget, in nano-dollars. */
export interface Spend {
  spent: bigint;
  reserved: bigint;
  unsettled: bigint;
}

const whose = { key: 'this API key', user: 'this user', tenant: 'the tenant' } as const;
const perPeriod = { day: 'daily budget', month: 'monthly budget', total: 'budget' } as const;

/** The refusal of a generation that a budget has no room for. It says what is left, what would fit and when there is more. */
export class BudgetExceeded extends GatewayError {
  readonly decision: RateDecision;

  constructor(
    { scope, budget }: BudgetRule,
    spend: Spend,
    neededNanoUsd: bigint,
    nowMs: number,
    decision: RateDecision,
  ) {
    const { spent, reserved, unsettled } = spend;
    const endMs = periodEndMs(budget.period, nowMs);
    const isSpent = spent + reserved + unsettled >= nanoUsdOfText(budget.limit_usd);
    const parts = [
      `The ${perPeriod[budget.period]} of ${whose[scope]} is ${budget.limit_usd} USD:`,
      `${formatUsd(spent)} is spent`,
      ...(reserved > 0n ? [`and ${formatUsd(reserved)} is reserved for generations under way`] : []),
      ...(unsettled > 0n ? [`and ${formatUsd(unsettled)} is kept back for calls that were lost`] : []),
      `and this generation may cost up to ${formatUsd(neededNanoUsd)}.`,
      // Most often nothing but the model's own bound on an answer is too dear, which nobody sees who has not set another.
      ...(isSpent ? [] : ['A smaller max_tokens or a shorter prompt may fit into what is left.']),
      ...(endMs === null ? [] : [`The next ${budget.period} begins at ${new Date(endMs).toISOString()}.`]),
    ];
    super({ code: 'budget_exceeded', detail: parts.join(' ') });
    this.decision = decision;
  }
}
