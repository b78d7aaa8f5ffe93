import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
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
});

/** The cache in figures; `hit_rate` is of all look-ups, 0 where there was none. */
export async function viewCache({ store, ttlS }: CacheRoutesDeps): Promise<z.infer<typeof cacheView>> {
  const { entries, hits, misses, coalesced, bytes } = await store.stats();
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
  };
}

const filter = z.object({
  model: z.string().min(1).max(256).optional(),
  namespace: z.string().min(1).max(128).optional(),
});

export const cacheRoutes: FastifyPluginAsyncZod<CacheRoutesDeps> = async (app, deps) => {
  app.get(
    '/v1/cache/stats',
    { schema: { tags: ['Cache'], summary: 'The cache in figures', response: { 200: cacheView, '5xx': problem } } },
    () => viewCache(deps),
  );

  app.delete(
    '/v1/cache/clear',
    {
      schema: {
        tags: ['Cache'],
        summary: 'Forget stored answers',
        querystring: filter,
        response: { 200: z.object({ message: z.string(), cleared: z.int() }), '4xx': problem, '5xx': problem },
      },
    },
    async ({ query: { model, namespace }, caller }) => {
      const target = model === undefined ? undefined : resolveModel(model)?.id;
      if (model !== undefined && target === undefined) {
        throw invalidField('model', `"${model.slice(0, 100)}" is not known; GET /v1/models lists the models`);
      }
      const cleared = await deps.store.clear(caller.tenantId, { model: target, namespace });
      return { message: `Cleared ${cleared} cached items`, cleared };
    },
  );
};
