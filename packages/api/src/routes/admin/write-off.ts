import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import { usdNumber } from '@llm-gateway/shared/pricing/format-usd';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { requireOperator } from '../../auth/reach-tenant.ts';
import type { ApiDeps } from '../../deps.ts';
import { problem } from '../../http/problem-schema.ts';
import { userIdMember } from './policy-members.ts';

const whose = z
  .discriminatedUnion('scope', [
    z.strictObject({ scope: z.literal('tenant'), id: z.string().min(1).max(128) }),
    z.strictObject({ scope: z.literal('key'), id: z.string().min(1).max(128) }),
    z.strictObject({ scope: z.literal('user'), id: userIdMember, tenant_id: z.string().min(1).max(128) }),
  ])
  .meta({ id: 'BudgetOwner', examples: [{ scope: 'tenant', id: 'acme' }] });

const amount = z.number().describe('USD');

const writtenOff = z
  .object({
    scope: z.enum(['tenant', 'key', 'user']),
    id: z.string(),
    written_off_usd: z.object({ day: amount, month: amount, total: amount }),
  })
  .meta({ id: 'WrittenOff' });

/** What calls of unknown outcome keep back of a budget, an operator who knows better can give back. */
export const writeOffRoute: FastifyPluginAsyncZod<Pick<ApiDeps, 'writeOff'>> = async (app, { writeOff }) => {
  const schema = {
    tags: ['Tenants'],
    summary: 'Give back what unsettled calls keep from a budget',
    description:
      'Calls whose worker died, or that were given up before a word had come back, may have been charged: what was ' +
      'reserved for them stays out of the budget until its period ends. `GET /v1/admin/ledger?status=unsettled` lists them.',
    body: whose,
    response: { 200: writtenOff, '4xx': problem, '5xx': problem },
  };
  const onRequest = async ({ caller }: FastifyRequest) => requireOperator(caller);
  app.post('/v1/admin/budgets/write-off', { schema, onRequest }, async ({ body, log }) => {
    const subject =
      body.scope === 'user' ? spendSubject.user(body.tenant_id, body.id) : spendSubject[body.scope](body.id);
    const { day, month, total } = await writeOff(subject, Date.now());
    const amounts = { day: usdNumber(day), month: usdNumber(month), total: usdNumber(total) };
    log.warn({ event: 'unsettled_written_off', subject, ...amounts }, 'unsettled calls are written off');
    return { scope: body.scope, id: body.id, written_off_usd: amounts };
  });
};
