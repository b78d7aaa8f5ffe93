import { type Scope, scopes } from '@llm-gateway/shared/contracts/policy';
import { z } from 'zod';
import { metadataMember } from '../../generation/job-members.ts';
import type { KeyWishes } from '../../keys/api-key.ts';
import type { KeyChanges } from '../../keys/api-keys.ts';
import {
  budgetsMember,
  limitsMember,
  modelLimitsMember,
  nameMember,
  resolveModelLimits,
  resolveModels,
  userIdMember,
} from './policy-members.ts';

const futureTime = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-11-23T09:46:00Z' })
  .refine((text) => !(Date.parse(text) <= Date.now()), 'must be in the future');

const members = {
  name: nameMember,
  scopes: z
    .array(z.enum(scopes))
    .min(1)
    .refine((names) => new Set(names).size === names.length, 'must name each scope once')
    .describe('generate and read if absent'),
  models: z.array(z.string()).min(1).max(100).describe('The only models that it may ask for'),
  user_id: userIdMember.describe('The only user that it may be used for, and whose jobs it sees'),
  limits: limitsMember,
  model_limits: modelLimitsMember,
  budgets: budgetsMember,
  metadata: metadataMember,
  expires_at: futureTime,
};

export const newKey = z
  .strictObject({
    ...z.object(members).partial().shape,
    tenant_id: z.string().optional().describe('`default` if absent; for a key, its own'),
  })
  .meta({
    id: 'NewApiKey',
    examples: [
      {
        name: 'billing service',
        scopes: ['generate', 'read'],
        models: ['gpt-4o'],
        limits: { requests_per_minute: 60 },
        budgets: [{ period: 'month', limit_usd: 50 }],
      },
    ],
  });

export const keyChanges = z
  .strictObject({
    name: members.name.optional(),
    scopes: members.scopes.optional(),
    models: members.models.nullish(),
    user_id: members.user_id.nullish(),
    limits: members.limits.nullish(),
    model_limits: members.model_limits.nullish(),
    budgets: members.budgets.nullish(),
    metadata: members.metadata.nullish(),
    expires_at: members.expires_at.nullish(),
  })
  .meta({
    id: 'ApiKeyChanges',
    description: 'A member is replaced as a whole; null unsets it.',
    examples: [{ name: 'billing service', budgets: null }],
  });

const defaultScopes: Scope[] = ['generate', 'read'];

/** Throws `invalid_request` for a model that is not known. */
export function toWishes(body: Omit<z.output<typeof newKey>, 'tenant_id'>, tenant: string): KeyWishes {
  const { models, user_id, expires_at } = body;
  return {
    tenant,
    name: body.name ?? '',
    scopes: body.scopes ?? defaultScopes,
    limits: body.limits ?? {},
    modelLimits: resolveModelLimits(body.model_limits ?? {}),
    budgets: body.budgets ?? [],
    metadata: body.metadata ?? {},
    ...(models === undefined ? {} : { models: resolveModels(models) }),
    ...(user_id === undefined ? {} : { user: user_id }),
    ...(expires_at === undefined ? {} : { expiresMs: Date.parse(expires_at) }),
  };
}

/** Throws `invalid_request` for a model that is not known. */
export function toChanges(body: z.output<typeof keyChanges>): KeyChanges {
  const { models, user_id, limits, model_limits, budgets, metadata, expires_at } = body;
  return {
    ...(body.name === undefined ? {} : { name: body.name }),
    ...(body.scopes === undefined ? {} : { scopes: body.scopes }),
    ...(models === undefined ? {} : { models: models === null ? undefined : resolveModels(models) }),
    ...(user_id === undefined ? {} : { user: user_id ?? undefined }),
    ...(limits === undefined ? {} : { limits: limits ?? {} }),
    ...(model_limits === undefined ? {} : { modelLimits: resolveModelLimits(model_limits ?? {}) }),
    ...(budgets === undefined ? {} : { budgets: budgets ?? [] }),
    ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
    ...(expires_at === undefined ? {} : { expiresMs: expires_at === null ? undefined : Date.parse(expires_at) }),
  };
}
