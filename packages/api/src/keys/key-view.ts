import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import { limits, modelLimits, scopes } from '@llm-gateway/shared/contracts/policy';
import { z } from 'zod';
import { budgetRules } from '../budget/budget-rule.ts';
import { budgetView, viewBudget } from '../budget/budget-view.ts';
import type { SpendReader } from '../budget/read-spend.ts';
import type { ApiKey } from './api-key.ts';

const time = z.iso.datetime();

/** A key as its administrator sees it; its secret is nowhere to be seen. */
export const keyView = z
  .object({
    id: z.string(),
    object: z.literal('api_key'),
    tenant_id: z.string(),
    name: z.string(),
    hint: z.string().describe('The last characters of the key'),
    scopes: z.array(z.enum(scopes)),
    models: z.array(z.string()).nullable().describe('null: all'),
    user_id: z.string().nullable().describe('The only user that it may be used for'),
    limits,
    model_limits: modelLimits,
    budgets: z.array(budgetView),
    metadata: z.record(z.string(), z.string()),
    created_at: time,
    expires_at: time.nullable(),
    revoked_at: time.nullable(),
    rotated_at: time.nullable(),
  })
  .meta({ id: 'ApiKey' });

export type KeyView = z.infer<typeof keyView>;

/** A key that was made just now, or has got a new secret. */
export const freshKeyView = keyView
  .extend({ key: z.string().describe('The secret. It is shown this once') })
  .meta({ id: 'ApiKeyWithSecret' });

const isoOrNull = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());

/** Views of keys, in their order. Throws `dependency_down`. */
export async function viewKeys(found: readonly ApiKey[], readSpend: SpendReader): Promise<KeyView[]> {
  const rules = found.map((key) => budgetRules('key', spendSubject.key(key.id), key.budgets));
  const states = await readSpend(rules.flat(), Date.now());
  return found.map((key, index) => ({
    id: key.id,
    object: 'api_key',
    tenant_id: key.tenant,
    name: key.name,
    hint: key.hint,
    scopes: key.scopes,
    models: key.models ?? null,
    user_id: key.user ?? null,
    limits: key.limits,
    model_limits: key.modelLimits,
    budgets: states.filter(({ rule }) => rules[index]?.includes(rule)).map(viewBudget),
    metadata: key.metadata,
    created_at: new Date(key.createdMs).toISOString(),
    expires_at: isoOrNull(key.expiresMs),
    revoked_at: isoOrNull(key.revokedMs),
    rotated_at: isoOrNull(key.rotatedMs),
  }));
}

export async function viewKey(key: ApiKey, readSpend: SpendReader): Promise<KeyView> {
  const [view] = await viewKeys([key], readSpend);
  if (!view) throw new Error(`the key ${key.id} has no view`);
  return view;
}
