import { ledgerText } from '@llm-gateway/shared/ledger/ledger-entry';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { oneTenant, oneTenantQuery } from '../../auth/reach-tenant.ts';
import { requireVisibleUser } from '../../auth/require-visible-user.ts';
import type { ApiDeps } from '../../deps.ts';
import { formatQuery, jsonOrCsv, sendCsv, wantsCsv } from '../../http/csv.ts';
import { invalidField } from '../../http/invalid-field.ts';
import { problem } from '../../http/problem-schema.ts';
import { dayQuery, type Period, periodOf, periodQuery, periodText } from '../../usage/period.ts';
import { sumUsage } from '../../usage/sum-usage.ts';
import { usageGroup, usageGroupColumns, usageSummary, viewGroup, viewUsage } from '../../usage/usage-view.ts';

const groupsMax = 1000;

const params = z.object({ user_id: z.string().min(1).max(128) });
const query = z.object({
  day: dayQuery,
  ...periodQuery,
  group_by: z
    .enum(['day', 'model', 'key', 'provider'])
    .optional()
    .describe('As CSV the groups alone, by day unless told'),
  ...oneTenantQuery,
  format: formatQuery,
});

const answer = usageSummary.extend({
  user_id: z.string(),
  period: z.string().describe('all, one day, or both ends'),
  stale: z.boolean().describe('Whether the newest requests may be missing: they have not reached the ledger in time'),
  groups: z.array(usageGroup).optional().describe('Only with group_by. Days in their order, else the dearest first'),
});

function periodAsked({ day, from, to }: z.output<typeof query>): Period {
  if (day === undefined) return periodOf({ from, to });
  if (from !== undefined || to !== undefined) throw invalidField('day', 'must not be sent together with from or to');
  return { from: day, to: day };
}

export const usageRoute: FastifyPluginAsyncZod<Pick<ApiDeps, 'ledger'>> = async (app, { ledger }) => {
  const schema = {
    tags: ['Usage'],
    summary: 'Tokens and cost of a user',
    description: 'Sums of the ledger, with all requests that were answered before. A user that never asked has zeros.',
    params,
    querystring: query,
    response: { 200: jsonOrCsv(answer, 'The sums; as CSV the groups'), '4xx': problem, '5xx': problem },
  };
  app.get('/v1/usage/:user_id', { schema }, async (request, reply) => {
    const { caller } = request;
    const { user_id } = request.params;
    requireVisibleUser(caller, user_id);
    const period = periodAsked(request.query);
    const isCsv = wantsCsv(request, request.query.format);
    const by = request.query.group_by ?? (isCsv ? 'day' : undefined);
    const scope = { tenantId: oneTenant(caller, request.query.tenant_id), userId: ledgerText(user_id), period };
    const { found, isStale } = await ledger.readCurrent((database) =>
      sumUsage(database, scope, by && { by, max: groupsMax }),
    );
    const groups = found.groups.map(viewGroup);
    if (isCsv) return sendCsv(reply, 'usage.csv', usageGroupColumns, groups);
    const sums = { user_id, period: periodText(period), ...viewUsage(found.models), stale: isStale };
    return by === undefined ? sums : { ...sums, groups };
  });
};
