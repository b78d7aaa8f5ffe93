import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { noTenant, reachTenant, requireOperator } from '../../auth/reach-tenant.ts';
import type { ApiDeps } from '../../deps.ts';
import { invalidField } from '../../http/invalid-field.ts';
import { problem } from '../../http/problem-schema.ts';
import { ignoreNulls } from '../../http/without-nulls.ts';
import { defaultTenant, emptyTenant, newTenantId, tenantId } from '../../tenants/tenant.ts';
import { tenantView, viewTenant } from '../../tenants/tenant-view.ts';
import type { TenantChanges } from '../../tenants/tenants.ts';
import {
  budgetsMember,
  limitsMember,
  modelLimitsMember,
  nameMember,
  pageQuery,
  resolveModelLimits,
  userLimitsMember,
} from './policy-members.ts';

export type TenantRoutesDeps = Pick<ApiDeps, 'tenants' | 'readSpend'>;

const tags = ['Tenants'];
const refused = { '4xx': problem, '5xx': problem };
const params = z.object({ id: z.string() });
const path = '/v1/admin/tenants';

const members = {
  name: nameMember,
  disabled: z.boolean().describe('Its keys are refused; who needs no key is not'),
  limits: limitsMember,
  model_limits: modelLimitsMember,
  user_limits: userLimitsMember,
  budgets: budgetsMember,
  user_budgets: budgetsMember,
};

const newTenant = z.strictObject({ ...z.object(members).partial().shape, id: tenantId.optional() }).meta({
  id: 'NewTenant',
  examples: [
    {
      id: 'acme',
      name: 'Acme',
      limits: { tokens_per_minute: 200_000 },
      user_limits: { requests_per_minute: 30 },
      budgets: [{ period: 'month', limit_usd: 500 }],
    },
  ],
});

const changes = z
  .strictObject({
    name: members.name.nullish(),
    disabled: members.disabled.nullish(),
    limits: members.limits.nullish(),
    model_limits: members.model_limits.nullish(),
    user_limits: members.user_limits.nullish(),
    budgets: members.budgets.nullish(),
    user_budgets: members.user_budgets.nullish(),
  })
  .meta({
    id: 'TenantChanges',
    description: 'A member is replaced as a whole; null unsets it.',
    examples: [{ user_budgets: [{ period: 'day', limit_usd: '0.5', alert_percents: [100] }], limits: null }],
  });

const tenantPage = z
  .object({ object: z.literal('list'), data: z.array(tenantView), has_more: z.boolean() })
  .meta({ id: 'TenantList' });

/** Null unsets. Throws `invalid_request` for a model that is not known. */
function toChanges(body: z.output<typeof changes>): TenantChanges {
  const { name, disabled, limits, model_limits, user_limits, budgets, user_budgets } = body;
  return {
    ...(name === undefined ? {} : { name: name ?? '' }),
    ...(disabled === undefined ? {} : { disabled: disabled ?? false }),
    ...(limits === undefined ? {} : { limits: limits ?? {} }),
    ...(model_limits === undefined ? {} : { modelLimits: resolveModelLimits(model_limits ?? {}) }),
    ...(user_limits === undefined ? {} : { userLimits: user_limits ?? {} }),
    ...(budgets === undefined ? {} : { budgets: budgets ?? [] }),
    ...(user_budgets === undefined ? {} : { userBudgets: user_budgets ?? [] }),
  };
}

/** Tenants, for the operator; a tenant's administrator sees its own. */
export const tenantRoutes: FastifyPluginAsyncZod<TenantRoutesDeps> = async (app, deps) => {
  await app.register(tenantCollection, deps);
  await app.register(singleTenant, deps);
};

const tenantCollection: FastifyPluginAsyncZod<TenantRoutesDeps> = async (app, { tenants, readSpend }) => {
  app.post(
    path,
    {
      schema: { tags, summary: 'Make a tenant', body: newTenant, response: { 201: tenantView, ...refused } },
      preValidation: ignoreNulls(),
    },
    async ({ body: { id = newTenantId(), ...body }, caller }, reply) => {
      requireOperator(caller);
      const tenant = { ...emptyTenant(id, Date.now()), ...toChanges(body) };
      if (!(await tenants.add(tenant))) {
        throw new GatewayError({ code: 'conflict', field: '/id', detail: `There is, or was, a tenant ${id}.` });
      }
      return reply
        .code(201)
        .header('location', `${path}/${id}`)
        .send(await viewTenant(tenant, readSpend));
    },
  );

  app.get(
    path,
    {
      schema: {
        tags,
        summary: 'Tenants',
        description: `The newest first. \`${defaultTenant}\` is always there; it has what belongs to nobody else.`,
        querystring: z.object(pageQuery),
        response: { 200: tenantPage, ...refused },
      },
    },
    async ({ query: { limit, after }, caller }) => {
      const all = (await tenants.list()).filter(({ id }) => caller.role === 'operator' || id === caller.tenantId);
      const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
      if (after !== undefined && start === 0) {
        throw invalidField('after', `"${after.slice(0, 100)}" is not in the list`);
      }
      const page = all.slice(start, start + limit);
      return {
        object: 'list' as const,
        data: await Promise.all(page.map((tenant) => viewTenant(tenant, readSpend))),
        has_more: start + limit < all.length,
      };
    },
  );
};

const singleTenant: FastifyPluginAsyncZod<TenantRoutesDeps> = async (app, { tenants, readSpend }) => {
  app.get(
    `${path}/:id`,
    { schema: { tags, summary: 'A tenant', params, response: { 200: tenantView, ...refused } } },
    async ({ params: { id }, caller }) => {
      reachTenant(caller, id);
      const tenant = await tenants.find(id);
      if (!tenant) throw noTenant(id);
      return viewTenant(tenant, readSpend);
    },
  );

  app.patch(
    `${path}/:id`,
    { schema: { tags, summary: 'Change a tenant', params, body: changes, response: { 200: tenantView, ...refused } } },
    async ({ params: { id }, body, caller }) => {
      reachTenant(caller, id);
      requireOperator(caller);
      const tenant = await tenants.change(id, toChanges(body));
      if (!tenant) throw noTenant(id);
      return viewTenant(tenant, readSpend);
    },
  );

  app.delete(
    `${path}/:id`,
    {
      schema: {
        tags,
        summary: 'Remove a tenant',
        description:
          'Once all its keys are revoked. What it has spent stays counted. ' +
          `\`${defaultTenant}\` is as if it had never been changed.`,
        params,
        response: { 204: z.null(), ...refused },
      },
    },
    async ({ params: { id }, caller }, reply) => {
      reachTenant(caller, id);
      requireOperator(caller);
      const outcome = await tenants.remove(id);
      if (outcome === 'missing') throw noTenant(id);
      if (outcome === 'used') {
        throw new GatewayError({ code: 'conflict', detail: `The tenant ${id} has keys: revoke them first.` });
      }
      return reply.code(204).send(null);
    },
  );
};
