import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import { problem } from '../../http/problem-schema.ts';
import { readUsage, usageSummary } from '../../usage/read-usage.ts';

const params = z.object({ user_id: z.string().min(1).max(128) });
const query = z.object({ day: z.iso.date().optional().describe('One UTC day instead of all time') });
const answer = usageSummary.extend({ user_id: z.string(), period: z.string() });

export const usageRoute: FastifyPluginAsyncZod<Pick<ApiDeps, 'redis' | 'keys'>> = async (app, { redis, keys }) => {
  const schema = {
    tags: ['Usage'],
    summary: 'Tokens and cost of a user',
    params,
    querystring: query,
    response: { 200: answer, '4xx': problem, '5xx': problem },
  };
  app.get('/v1/usage/:user_id', { schema }, async ({ params: { user_id }, query: { day }, caller }) => {
    const usage = await readUsage(redis, keys, { tenantId: caller.tenantId, userId: user_id, day });
    return { user_id, period: day ?? 'all', ...usage };
  });
};
