import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import type { Limits } from '@llm-gateway/shared/contracts/policy';
import { type BudgetRule, budgetRules } from '../budget/budget-rule.ts';
import type { ApiKey } from '../keys/api-key.ts';
import type { ApiKeys } from '../keys/api-keys.ts';
import { type LimitRule, rulesOf } from '../limits/limit-rule.ts';
import type { Tenant, UserPolicy } from './tenant.ts';
import type { Tenants } from './tenants.ts';

/** All that a request is to keep within. */
export interface Policy {
  rules: LimitRule[];
  budgets: BudgetRule[];
}

/** Whom a request counts for, and the model that it asks for, by our id. */
export interface PolicySubject {
  tenantId: string;
  keyId?: string | undefined;
  userId: string;
  /** Absent: rules of single models are left out. */
  modelId?: string | undefined;
}

/** What holds for every user of whom nothing else is said. */
export interface DefaultLimits {
  requestsPerMinute: number;
  requestsPerHour: number;
  tokensPerMinute?: number | undefined;
  concurrency?: number | undefined;
}

export interface Policies {
  /** Throws `dependency_down`. */
  of(subject: PolicySubject): Promise<Policy>;
}

export interface PoliciesOptions {
  apiKeys: Pick<ApiKeys, 'known'>;
  tenants: Pick<Tenants, 'known' | 'knownUser'>;
  defaults: DefaultLimits;
}

/** Puts together what is set for a tenant, a key and a user, as this process knows them. */
export function createPolicies({ apiKeys, tenants, defaults }: PoliciesOptions): Policies {
  return {
    async of(subject) {
      const { tenantId, keyId, userId } = subject;
      const [tenant, key, user] = await Promise.all([
        tenants.known(tenantId),
        keyId === undefined ? undefined : apiKeys.known(keyId),
        tenants.knownUser(tenantId, userId),
      ]);
      return policyOf(subject, { tenant, key, user, defaults });
    },
  };
}

export interface PolicySources {
  tenant?: Pick<Tenant, 'limits' | 'modelLimits' | 'userLimits' | 'budgets' | 'userBudgets'> | undefined;
  key?: Pick<ApiKey, 'limits' | 'modelLimits' | 'budgets'> | undefined;
  user: UserPolicy;
  defaults: DefaultLimits;
}

/**
 * A user's limits are the configured ones, member by member overridden by its tenant's, and these by its own. Who is
 * nobody but a key has that key's.
 */
export function policyOf(
  { tenantId, keyId, userId, modelId }: PolicySubject,
  { tenant, key, user, defaults }: PolicySources,
): Policy {
  const ofUser = `user:${tenantId}:${encodeURIComponent(userId)}`;
  const ofNobodyElse = userId === keyId ? key?.limits : undefined;
  const userLimits = { ...configured(defaults), ...tenant?.userLimits, ...ofNobodyElse, ...user.limits };
  return {
    rules: [
      ...rulesOf({ scope: 'user', subject: ofUser, limits: userLimits }),
      ...(keyId === undefined ? [] : rulesOfOwner('key', `key:${keyId}`, key, modelId)),
      ...rulesOfOwner('tenant', `tenant:${tenantId}`, tenant, modelId),
    ],
    budgets: [
      ...budgetRules('user', spendSubject.user(tenantId, userId), user.budgets ?? tenant?.userBudgets),
      ...(keyId === undefined ? [] : budgetRules('key', spendSubject.key(keyId), key?.budgets)),
      ...budgetRules('tenant', spendSubject.tenant(tenantId), tenant?.budgets),
    ],
  };
}

function rulesOfOwner(
  scope: 'key' | 'tenant',
  subject: string,
  owner: { limits: Limits; modelLimits: Record<string, Limits> } | undefined,
  model: string | undefined,
): LimitRule[] {
  if (!owner) return [];
  const ofModel = model === undefined ? undefined : owner.modelLimits[model];
  return [
    ...rulesOf({ scope, subject, limits: owner.limits }),
    ...(model !== undefined && ofModel
      ? rulesOf({ scope, subject: `${subject}:model:${encodeURIComponent(model)}`, model, limits: ofModel })
      : []),
  ];
}

const configured = ({ requestsPerMinute, requestsPerHour, tokensPerMinute, concurrency }: DefaultLimits): Limits => ({
  requests_per_minute: requestsPerMinute,
  requests_per_hour: requestsPerHour,
  ...(tokensPerMinute === undefined ? {} : { tokens_per_minute: tokensPerMinute }),
  ...(concurrency === undefined ? {} : { concurrency }),
});
