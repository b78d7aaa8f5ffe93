import type { Scope } from '@llm-gateway/shared/contracts/policy';
import { usdNumber } from '@llm-gateway/shared/pricing/format-usd';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { oneTenant, oneTenantQuery } from '../../auth/reach-tenant.ts';
import { requireWholeTenant } from '../../auth/require-scope.ts';
import type { CacheStore } from '../../cache/cache-store.ts';
import { invalidField } from '../../http/invalid-field.ts';
import { problem } from '../../http/problem-schema.ts';

export interface CacheRoutesDeps {
  store: CacheStore;
  ttlS: number;
}

export const cacheView = z.object({
  enabled: z.boolean(),
  cache_ttl_seconds: z.int(),
  timestamp: z.number(),
  entries: z.int(),
  hits: z.int(),
  misses: z.int(),
  hit_rate: z.number(),
  coalesced: z.int(),
  memory_bytes: z.int(),
  saved_usd: z.number().describe('What the answers that the cache gave would have cost anew'),
});

/** The cache in figures, of a tenant or of all; `hit_rate` is of all look-ups, 0 where there was none. */
export async function viewCache(
  { store, ttlS }: CacheRoutesDeps,
  tenantId?: string,
): Promise<z.infer<typeof cacheView>> {
  const { entries, hits, misses, coalesced, bytes, savedNanoUsd } = await store.stats(tenantId);
  return {
    enabled: ttlS > 0,
    cache_ttl_seconds: ttlS,
    timestamp: Date.now() / 1000,
    entries,
    hits,
    misses,
    hit_rate: hits + misses === 0 ? 0 : hits / (hits + misses),
    coalesced,
    memory_bytes: bytes,
    saved_usd: usdNumber(savedNanoUsd),
  };
}

const filter = z.object({
  user_id: z.string().min(1).max(128).optional().describe('Only what jobs of this user have brought'),
  model: z.string().min(1).max(256).optional(),
  namespace: z.string().min(1).max(128).optional(),
  ...oneTenantQuery,
});

export const cacheRoutes: FastifyPluginAsyncZod<CacheRoutesDeps & { clearScope: Scope }> = async (app, deps) => {
  app.get(
    '/v1/cache/stats',
    {
      schema: {
        tags: ['Cache'],
        summary: 'The cache in figures',
        description: 'Of one tenant; of all of them together in GET /v1/admin/summary.',
        querystring: z.object(oneTenantQuery),
        response: { 200: cacheView, '4xx': problem, '5xx': problem },
      },
    },
    async ({ caller, query }) => viewCache(deps, oneTenant(caller, query.tenant_id)),
  );

  app.delete(
    '/v1/cache/clear',
    {
      config: { scope: deps.clearScope },
      onRequest: requireWholeTenant,
      schema: {
        tags: ['Cache'],
        summary: 'Forget stored answers',
        description: 'Of one tenant: all of them, or those that everything named applies to.',
        querystring: filter,
        response: { 200: z.object({ message: z.string(), cleared: z.int() }), '4xx': problem, '5xx': problem },
      },
    },
    async ({ query: { user_id: userId, model, namespace, tenant_id }, caller }) => {
      const target = model === undefined ? undefined : resolveModel(model)?.id;
      if (model !== undefined && target === undefined) {
        throw invalidField('model', `"${model.slice(0, 100)}" is not known; GET /v1/models lists the models`);
      }
      const cleared = await deps.store.clear(oneTenant(caller, tenant_id), { userId, model: target, namespace });
      return { message: `Cleared ${cleared} cached items`, cleared };
    },
  );
};
