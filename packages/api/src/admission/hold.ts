import { nanoUsdOfText } from '@llm-gateway/shared/pricing/format-usd';
import { heldKeys, type LimitKey, tokenWindows } from '../limits/rate-limiter.ts';
import type { Policy } from '../tenants/policies.ts';
import type { Estimate } from './estimate.ts';

/**
 * What a job is promised when it is accepted, and gives back when it ends: `book.lua` says how. Amounts are decimal
 * texts of nano-dollars. Undefined where nothing but requests is counted.
 */
export function holdOf({ rules, budgets }: Policy, estimate: Estimate | undefined, keyFor: LimitKey) {
  const windows = tokenWindows(rules, keyFor);
  const places = heldKeys(rules, keyFor);
  if (budgets.length === 0 && windows.length === 0 && places.length === 0) return undefined;
  return {
    nano: String(estimate?.nanoUsd ?? 0n),
    budgets: budgets.map(({ subject, budget }) => ({
      subject,
      period: budget.period,
      limit: String(nanoUsdOfText(budget.limit_usd)),
      alerts: budget.alert_percents,
    })),
    tokens: estimate?.tokens ?? 0,
    windows,
    places,
  };
}
