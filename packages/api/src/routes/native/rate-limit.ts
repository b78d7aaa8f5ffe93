import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { limitSubject } from '../../admission/limit.ts';
import type { ApiDeps } from '../../deps.ts';
import { limitHeaders } from '../../http/limit-headers.ts';
import { problem } from '../../http/problem-schema.ts';

const answer = z.object({
  user_id: z.string(),
  minute_requests: z.int(),
  hour_requests: z.int(),
  minute_limit: z.int(),
  hour_limit: z.int(),
  minute_remaining: z.int(),
  hour_remaining: z.int(),
  minute_reset_s: z.number(),
  hour_reset_s: z.number(),
});

export const rateLimitRoute: FastifyPluginAsyncZod<Pick<ApiDeps['admission'], 'limiter' | 'windows'>> = async (
  app,
  { limiter, windows },
) => {
  const schema = {
    tags: ['Usage'],
    summary: 'What is left of the limits of a user',
    params: z.object({ user_id: z.string().min(1).max(128) }),
    response: { 200: answer, '4xx': problem, '5xx': problem },
  };
  app.get('/v1/rate-limit/:user_id', { schema }, async ({ params: { user_id }, caller }, reply) => {
    const decision = await limiter.peek(limitSubject(caller.tenantId, user_id), windows);
    reply.headers(limitHeaders(decision));
    const [minute, hour] = decision.windows;
    if (!minute || !hour) throw new Error('the windows of users are a minute and an hour');
    return {
      user_id,
      minute_requests: minute.used,
      hour_requests: hour.used,
      minute_limit: minute.limit,
      hour_limit: hour.limit,
      minute_remaining: minute.remaining,
      hour_remaining: hour.remaining,
      minute_reset_s: minute.resetMs / 1000,
      hour_reset_s: hour.resetMs / 1000,
    };
  });
};
