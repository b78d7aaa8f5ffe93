import { lanes } from '@llm-gateway/shared/queue/generation-queue';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import { problem } from '../../http/problem-schema.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
import { readUsage, usageSummary } from '../../usage/read-usage.ts';
import { type CacheRoutesDeps, cacheView, viewCache } from '../native/cache.ts';

export interface SummaryDeps extends Pick<ApiDeps, 'redis' | 'keys' | 'settings'> {
  board: LaneBoard;
  cache: CacheRoutesDeps;
}

const queueView = z.object({ waiting: z.int(), active: z.int(), delayed: z.int() });

const summary = z.object({
  cache: cacheView,
  costs: usageSummary,
  rate_limits: z.object({ max_requests_per_minute: z.int(), max_requests_per_hour: z.int() }),
  retry_config: z.object({ max_attempts: z.int(), base_delay: z.number().describe('Seconds') }),
  timestamp: z.number(),
  queue: z.record(z.string(), queueView),
  providers: z.record(z.string(), z.enum(['live', 'sandbox'])),
  workers: z.int(),
});

export const summaryRoute: FastifyPluginAsyncZod<SummaryDeps> = async (
  app,
  { redis, keys, settings, board, cache },
) => {
  const schema = {
    tags: ['Admin'],
    summary: 'The whole gateway in figures',
    response: { 200: summary, '4xx': problem, '5xx': problem },
  };
  app.get('/v1/admin/summary', { schema }, async ({ caller }) => {
    const [cacheFigures, costs, survey, counts] = await Promise.all([
      viewCache(cache),
      readUsage(redis, keys, { tenantId: caller.tenantId }),
      board.survey(),
      Promise.all(lanes.map(async (lane) => [lane, await board.counts(lane)] as const)),
    ]);
    return {
      cache: cacheFigures,
      costs,
      rate_limits: { max_requests_per_minute: settings.perMinute, max_requests_per_hour: settings.perHour },
      retry_config: { max_attempts: settings.maxAttempts, base_delay: settings.baseDelayMs / 1000 },
      timestamp: Date.now() / 1000,
      queue: Object.fromEntries(counts),
      providers: Object.fromEntries(survey.lanes),
      workers: survey.workers,
    };
  });
};
