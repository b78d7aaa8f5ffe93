import { makeTenantId } from '@llm-gateway/shared/contracts/ids';
import { budgets, limits, modelLimits } from '@llm-gateway/shared/contracts/policy';
import { z } from 'zod';

/** Whom everything belongs to that belongs to nobody else. It is always there. */
export const defaultTenant = 'default';

/** Ids are parts of Redis keys and of URLs, and are kept in the ledger. */
export const tenantId = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'must be 1 to 63 lower-case letters, digits and hyphens, and not begin with a hyphen',
  );

export const newTenantId = (): string => makeTenantId().toLowerCase().replace('_', '-');

/** A tenant as it is kept. */
export const tenant = z.object({
  id: z.string(),
  name: z.string(),
  /** Its keys open nothing. */
  disabled: z.boolean(),
  /** Of all its requests together. */
  limits,
  /** By our id of a model. */
  modelLimits,
  /** Of each of its users, unless the user's own say otherwise. */
  userLimits: limits,
  budgets,
  /** Of each of its users that has none of its own. */
  userBudgets: budgets,
  createdMs: z.int().nonnegative(),
});

export type Tenant = z.output<typeof tenant>;

export const emptyTenant = (id: string, createdMs: number): Tenant => ({
  id,
  name: '',
  disabled: false,
  limits: {},
  modelLimits: {},
  userLimits: {},
  budgets: [],
  userBudgets: [],
  createdMs,
});

/** What is set for a single user; absent budgets are those of the tenant's users. */
export const userPolicy = z.object({ limits, budgets: budgets.optional() });

export type UserPolicy = z.output<typeof userPolicy>;
