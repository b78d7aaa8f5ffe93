import { type Budget, budgetPeriods } from '@llm-gateway/shared/contracts/policy';
import { nanoUsdOfText, usdNumber } from '@llm-gateway/shared/pricing/format-usd';
import { z } from 'zod';
import type { BudgetState } from './read-spend.ts';

const members = {
  period: z.enum(budgetPeriods),
  limit_usd: z.number(),
  alert_percents: z.array(z.int()),
};

/** A budget as it is set. */
export const plainBudgetView = z.object(members);

/** A budget and what stands in it now. */
export const budgetView = z
  .object({
    ...members,
    spent_usd: z.number(),
    reserved_usd: z.number().describe('For generations under way'),
    unsettled_usd: z.number().describe('Kept back for calls that were lost'),
    remaining_usd: z.number(),
    resets_at: z.iso.datetime().nullable().describe('null for a budget without an end'),
  })
  .meta({ id: 'Budget' });

export const viewPlainBudget = ({ period, limit_usd, alert_percents }: Budget): z.infer<typeof plainBudgetView> => ({
  period,
  limit_usd: Number(limit_usd),
  alert_percents,
});

export function viewBudget(state: BudgetState): z.infer<typeof budgetView> {
  const { rule, spentNanoUsd, reservedNanoUsd, unsettledNanoUsd, resetsAtMs } = state;
  const left = nanoUsdOfText(rule.budget.limit_usd) - spentNanoUsd - reservedNanoUsd - unsettledNanoUsd;
  return {
    ...viewPlainBudget(rule.budget),
    spent_usd: usdNumber(spentNanoUsd),
    reserved_usd: usdNumber(reservedNanoUsd),
    unsettled_usd: usdNumber(unsettledNanoUsd),
    remaining_usd: usdNumber(left > 0n ? left : 0n),
    resets_at: resetsAtMs === null ? null : new Date(resetsAtMs).toISOString(),
  };
}
