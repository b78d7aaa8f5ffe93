import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { tenantAsked, tenantQuery } from '../../auth/reach-tenant.ts';
import type { ApiDeps } from '../../deps.ts';
import { formatQuery, jsonOrCsv, sendCsv, wantsCsv } from '../../http/csv.ts';
import { problem } from '../../http/problem-schema.ts';
import { countJobs } from '../../jobs/count-jobs.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
import { routingView, viewRouting } from '../../routing/routing-view.ts';
import { percentiles } from '../../usage/percentiles.ts';
import { periodOf, periodQuery } from '../../usage/period.ts';
import { readLatencies } from '../../usage/read-latencies.ts';
import { groupings, sumUsage } from '../../usage/sum-usage.ts';
import { hitRate, usageGroup, usageGroupColumns, usageSummary, viewGroup, viewUsage } from '../../usage/usage-view.ts';
import { type CacheRoutesDeps, cacheView, viewCache } from '../native/cache.ts';

export interface SummaryDeps
  extends Pick<ApiDeps, 'ledger' | 'settings' | 'redis' | 'keys' | 'tenants' | 'webhooks' | 'routing'> {
  board: LaneBoard;
  cache: CacheRoutesDeps;
}

const groupsMax = 100;
const csvGroupsMax = 10_000;

const query = z.object({
  ...periodQuery,
  ...tenantQuery,
  group_by: z.enum(groupings).optional().describe('As CSV the groups alone, by day unless told'),
  format: formatQuery,
});

const queueView = z.object({ waiting: z.int(), active: z.int(), delayed: z.int() });

const summary = z.object({
  cache: cacheView,
  costs: usageSummary,
  period: z.object({ from: z.string().nullable(), to: z.string().nullable() }).describe('UTC dates, both included'),
  latency: percentiles,
  first_token: percentiles,
  cache_hit_rate: z.number().describe('Of all requests in the period, those that the cache answered'),
  saved_usd: z.number(),
  stale: z.boolean().describe('Whether the newest requests may be missing: they have not reached the ledger in time'),
  groups: z
    .array(usageGroup)
    .optional()
    .describe(`Only with group_by: the ${groupsMax} dearest, or the ${groupsMax} latest days`),
  rate_limits: z.object({ max_requests_per_minute: z.int(), max_requests_per_hour: z.int() }),
  retry_config: z.object({ max_attempts: z.int(), base_delay: z.number().describe('Seconds') }),
  timestamp: z.number(),
  queue: z.record(z.string(), queueView),
  jobs: z
    .object({ open: z.int(), incomplete: z.int(), failed: z.int(), cancelled: z.int(), expired: z.int() })
    .describe('Jobs that have not ended; and of those that are still kept, how many did not end completed'),
  webhooks: queueView.nullable().describe("Deliveries on their way, of all tenants; null for a tenant's administrator"),
  providers: z.record(z.string(), z.enum(['live', 'sandbox'])),
  workers: z.int(),
  routing: routingView.nullable().describe('The routing file as this process has it; null without one'),
});

export const summaryRoute: FastifyPluginAsyncZod<SummaryDeps> = async (app, deps) => {
  const { ledger, settings, board, cache } = deps;
  const schema = {
    tags: ['Admin'],
    summary: 'The whole gateway, or one tenant, in figures',
    querystring: query,
    response: {
      200: jsonOrCsv(summary, `The figures; as CSV the groups, up to ${csvGroupsMax}`),
      '4xx': problem,
      '5xx': problem,
    },
  };
  app.get('/v1/admin/summary', { schema }, async (request, reply) => {
    const { from, to, tenant_id, group_by, format } = request.query;
    const scope = { tenantId: tenantAsked(request.caller, tenant_id), period: periodOf({ from, to }) };
    if (wantsCsv(request, format)) {
      const by = group_by ?? 'day';
      const { found } = await ledger.readCurrent((database) => sumUsage(database, scope, { by, max: csvGroupsMax }));
      return sendCsv(reply, 'summary.csv', usageGroupColumns, found.groups.map(viewGroup));
    }
    const [cacheFigures, costs, survey, counts, jobs, webhooks] = await Promise.all([
      viewCache(cache, scope.tenantId),
      ledger.readCurrent((database) =>
        Promise.all([
          sumUsage(database, scope, group_by && { by: group_by, max: groupsMax }),
          readLatencies(database, scope),
        ]),
      ),
      board.survey(),
      countLanes(board),
      jobsOf(scope.tenantId, deps),
      request.caller.role === 'operator' ? deliveriesOf(deps) : null,
    ]);
    const [{ models, groups }, { latency, firstToken }] = costs.found;
    const usage = viewUsage(models);
    return {
      cache: cacheFigures,
      costs: usage,
      period: { from: from ?? null, to: to ?? null },
      latency,
      first_token: firstToken,
      cache_hit_rate: hitRate(models),
      saved_usd: usage.saved_usd,
      stale: costs.isStale,
      ...(group_by === undefined ? {} : { groups: groups.map(viewGroup) }),
      rate_limits: { max_requests_per_minute: settings.perMinute, max_requests_per_hour: settings.perHour },
      retry_config: { max_attempts: settings.maxAttempts, base_delay: settings.baseDelayMs / 1000 },
      timestamp: Date.now() / 1000,
      queue: Object.fromEntries(counts),
      jobs,
      webhooks,
      providers: Object.fromEntries(survey.lanes),
      workers: survey.workers,
      routing: viewRouting(deps.routing.state(), request.caller.role === 'operator'),
    };
  });
};

async function countLanes(board: LaneBoard) {
  const lanes = await board.known();
  return Promise.all(lanes.map(async (lane) => [lane, await board.counts(lane)] as const));
}

async function jobsOf(tenantId: string | undefined, { redis, keys, tenants }: SummaryDeps) {
  const ids = tenantId === undefined ? (await tenants.list()).map(({ id }) => id) : [tenantId];
  return countJobs(redis, keys, ids);
}

async function deliveriesOf({ webhooks }: SummaryDeps) {
  const counts = await callRedis(() => webhooks.queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed'));
  const { waiting = 0, prioritized = 0, active = 0, delayed = 0 } = counts;
  return { waiting: waiting + prioritized, active, delayed };
}
