import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { oneTenant, oneTenantQuery } from '../../auth/reach-tenant.ts';
import { requireOwnUser } from '../../auth/require-scope.ts';
import { limitHeaders } from '../../http/limit-headers.ts';
import { problem } from '../../http/problem-schema.ts';
import type { RateDecision, RateLimiter } from '../../limits/rate-limiter.ts';
import type { Policy, PolicySubject } from '../../tenants/policies.ts';

const answer = z.object({
  user_id: z.string(),
  minute_requests: z.int(),
  hour_requests: z.int(),
  minute_limit: z.int().nullable().describe('null: not limited'),
  hour_limit: z.int().nullable().describe('null: not limited'),
  minute_remaining: z.int().nullable(),
  hour_remaining: z.int().nullable(),
  minute_reset_s: z.number(),
  hour_reset_s: z.number(),
  minute_tokens: z.int().optional().describe('Absent, as the other members about tokens, where they are not limited'),
  token_limit: z.int().optional(),
  tokens_remaining: z.int().optional(),
  token_reset_s: z.number().optional(),
  concurrency: z
    .object({ limit: z.int(), used: z.int() })
    .optional()
    .describe('Generations accepted and not ended; absent where they are not limited'),
});

export interface RateLimitDeps {
  limiter: Pick<RateLimiter, 'peek'>;
  policies: { of(subject: PolicySubject): Promise<Pick<Policy, 'rules'>> };
}

export const rateLimitRoute: FastifyPluginAsyncZod<RateLimitDeps> = async (app, { limiter, policies }) => {
  const schema = {
    tags: ['Usage'],
    summary: 'What is left of the limits of a user',
    description:
      'The body tells the limits of the user; those of its API key and tenant are in the headers beside them.',
    params: z.object({ user_id: z.string().min(1).max(128) }),
    querystring: z.object(oneTenantQuery),
    response: { 200: answer, '4xx': problem, '5xx': problem },
  };
  app.get('/v1/rate-limit/:user_id', { schema }, async ({ params: { user_id: userId }, query, caller }, reply) => {
    requireOwnUser(caller, userId, 'user_id');
    const tenantId = oneTenant(caller, query.tenant_id);
    const { rules } = await policies.of({ tenantId, keyId: caller.keyId, userId });
    const decision = await limiter.peek(rules);
    reply.headers(limitHeaders(decision));
    return { user_id: userId, ...requestMembers(decision), ...tokenMembers(decision), ...concurrencyMember(decision) };
  });
};

const ofUser = ({ rules }: RateDecision, name: 'minute' | 'hour' | 'tokens' | 'concurrency') =>
  rules.find((rule) => rule.name === name);

function requestMembers(decision: RateDecision) {
  const minute = ofUser(decision, 'minute');
  const hour = ofUser(decision, 'hour');
  return {
    minute_requests: minute?.used ?? 0,
    hour_requests: hour?.used ?? 0,
    minute_limit: minute?.limit ?? null,
    hour_limit: hour?.limit ?? null,
    minute_remaining: minute?.remaining ?? null,
    hour_remaining: hour?.remaining ?? null,
    minute_reset_s: (minute?.resetMs ?? 0) / 1000,
    hour_reset_s: (hour?.resetMs ?? 0) / 1000,
  };
}

function tokenMembers(decision: RateDecision) {
  const tokens = ofUser(decision, 'tokens');
  return tokens
    ? {
        minute_tokens: tokens.used,
        token_limit: tokens.limit,
        tokens_remaining: tokens.remaining,
        token_reset_s: tokens.resetMs / 1000,
      }
    : {};
}

function concurrencyMember(decision: RateDecision) {
  const concurrency = ofUser(decision, 'concurrency');
  return concurrency ? { concurrency: { limit: concurrency.limit, used: concurrency.used } } : {};
}
