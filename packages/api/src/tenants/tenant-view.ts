import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import { limits, modelLimits } from '@llm-gateway/shared/contracts/policy';
import { z } from 'zod';
import { budgetRules } from '../budget/budget-rule.ts';
import { budgetView, plainBudgetView, viewBudget, viewPlainBudget } from '../budget/budget-view.ts';
import type { SpendReader } from '../budget/read-spend.ts';
import { defaultTenant, type Tenant, type UserPolicy } from './tenant.ts';

export const tenantView = z
  .object({
    id: z.string(),
    object: z.literal('tenant'),
    name: z.string(),
    disabled: z.boolean().describe('Its keys are refused'),
    limits: limits.describe('Of all its requests together'),
    model_limits: modelLimits,
    user_limits: limits.describe('Of each of its users, unless its own say otherwise'),
    budgets: z.array(budgetView),
    user_budgets: z.array(plainBudgetView).describe('Of each of its users that has none of its own'),
    created_at: z.iso.datetime().nullable().describe(`null for ${defaultTenant} until it is changed`),
  })
  .meta({ id: 'Tenant' });

export type TenantView = z.infer<typeof tenantView>;

export const userView = z
  .object({
    object: z.literal('tenant_user'),
    tenant_id: z.string(),
    user_id: z.string(),
    limits: limits.describe('Its own; what is absent is as the tenant or the configuration says'),
    budgets: z.array(budgetView).describe('Those that hold for it'),
    budgets_from: z.enum(['user', 'tenant']).describe("Whether they are its own, or those of the tenant's users"),
  })
  .meta({ id: 'TenantUser' });

export async function viewTenant(tenant: Tenant, readSpend: SpendReader): Promise<TenantView> {
  const states = await readSpend(budgetRules('tenant', spendSubject.tenant(tenant.id), tenant.budgets), Date.now());
  return {
    id: tenant.id,
    object: 'tenant',
    name: tenant.name,
    disabled: tenant.disabled,
    limits: tenant.limits,
    model_limits: tenant.modelLimits,
    user_limits: tenant.userLimits,
    budgets: states.map(viewBudget),
    user_budgets: tenant.userBudgets.map(viewPlainBudget),
    created_at: tenant.createdMs === 0 ? null : new Date(tenant.createdMs).toISOString(),
  };
}

export async function viewUser(
  tenant: Tenant,
  userId: string,
  own: UserPolicy | undefined,
  readSpend: SpendReader,
): Promise<z.infer<typeof userView>> {
  const subject = spendSubject.user(tenant.id, userId);
  const states = await readSpend(budgetRules('user', subject, own?.budgets ?? tenant.userBudgets), Date.now());
  return {
    object: 'tenant_user',
    tenant_id: tenant.id,
    user_id: userId,
    limits: own?.limits ?? {},
    budgets: states.map(viewBudget),
    budgets_from: own?.budgets === undefined ? 'tenant' : 'user',
  };
}
