import type { Budget } from '@llm-gateway/shared/contracts/policy';

/** A budget and whose it is. */
export interface BudgetRule {
  scope: 'tenant' | 'key' | 'user';
  /** Names whose spending is counted, as `spendSubject` spells it. */
  subject: string;
  budget: Budget;
}

export const budgetRules = (
  scope: BudgetRule['scope'],
  subject: string,
  budgets: readonly Budget[] = [],
): BudgetRule[] => budgets.map((budget) => ({ scope, subject, budget }));
