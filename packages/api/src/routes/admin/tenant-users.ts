import { limits } from '@llm-gateway/shared/contracts/policy';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { noTenant, reachTenant, requireOperator } from '../../auth/reach-tenant.ts';
import type { ApiDeps } from '../../deps.ts';
import { problem } from '../../http/problem-schema.ts';
import { ignoreNulls } from '../../http/without-nulls.ts';
import type { UserPolicy } from '../../tenants/tenant.ts';
import { userView, viewUser } from '../../tenants/tenant-view.ts';
import { budgetsMember, userIdMember } from './policy-members.ts';

export type TenantUserDeps = Pick<ApiDeps, 'tenants' | 'readSpend'>;

const tags = ['Tenants'];
const refused = { '4xx': problem, '5xx': problem };
const params = z.object({ id: z.string(), user_id: userIdMember });
const path = '/v1/admin/tenants/:id/users/:user_id';

const body = z
  .strictObject({
    limits: limits
      .optional()
      .describe("What is absent is as the tenant's user_limits or the configuration say; 0 refuses everything"),
    budgets: budgetsMember.optional().describe("If absent, those of the tenant's users hold; an empty list is none"),
  })
  .meta({
    id: 'TenantUserPolicy',
    examples: [{ limits: { requests_per_minute: 5 }, budgets: [{ period: 'month', limit_usd: 10 }] }],
  });

/** What is set for single users. Users are whoever requests name: there is nothing to be made before. */
export const tenantUserRoutes: FastifyPluginAsyncZod<TenantUserDeps> = async (app, { tenants, readSpend }) => {
  const find = async (id: string) => {
    const tenant = await tenants.find(id);
    if (!tenant) throw noTenant(id);
    return tenant;
  };

  app.get(
    path,
    { schema: { tags, summary: 'Limits and budgets of a user', params, response: { 200: userView, ...refused } } },
    async ({ params: { id, user_id }, caller }) => {
      reachTenant(caller, id);
      const [tenant, own] = await Promise.all([find(id), tenants.findUser(id, user_id)]);
      return viewUser(tenant, user_id, own, readSpend);
    },
  );

  app.put(
    path,
    {
      schema: {
        tags,
        summary: 'Set limits and budgets of a user',
        params,
        body,
        response: { 200: userView, ...refused },
      },
      preValidation: ignoreNulls(),
    },
    async ({ params: { id, user_id }, body: { limits = {}, budgets }, caller }) => {
      reachTenant(caller, id);
      requireOperator(caller);
      const policy: UserPolicy = { limits, ...(budgets === undefined ? {} : { budgets }) };
      if (!(await tenants.setUser(id, user_id, policy))) throw noTenant(id);
      return viewUser(await find(id), user_id, policy, readSpend);
    },
  );

  app.delete(
    path,
    {
      schema: {
        tags,
        summary: 'Unset limits and budgets of a user',
        description: 'The user is as any other of the tenant again. What it has spent stays counted.',
        params,
        response: { 204: z.null(), ...refused },
      },
    },
    async ({ params: { id, user_id }, caller }, reply) => {
      reachTenant(caller, id);
      requireOperator(caller);
      await find(id);
      await tenants.removeUser(id, user_id);
      return reply.code(204).send(null);
    },
  );
};
