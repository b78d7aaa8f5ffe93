import type { FastifyInstance } from 'fastify';
import { adminOnly } from '../auth/admin-only.ts';
import { createCacheStore } from '../cache/cache-store.ts';
import type { ApiDeps } from '../deps.ts';
import { bullBoardRoute } from './admin/bull-board.ts';
import { loginRoutes } from './admin/login.ts';
import { summaryRoute } from './admin/summary.ts';
import { cacheRoutes } from './native/cache.ts';
import { generateRoute } from './native/generate.ts';
import { jobRoutes } from './native/jobs.ts';
import { modelRoutes } from './native/models.ts';
import { rateLimitRoute } from './native/rate-limit.ts';
import { usageRoute } from './native/usage.ts';
import { healthRoutes } from './ops/health.ts';
import { metricsRoute } from './ops/metrics.ts';

/** All routes, one line each, in three rooms: for everybody, for callers, for the operator. */
export async function registerRoutes(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  const { admission, authenticator, settings, queues } = deps;
  const { board, waiter } = admission;
  const cache = { store: createCacheStore(deps.redis, deps.keys), ttlS: settings.cacheTtlS };

  await app.register(healthRoutes, { ...deps, board, version: settings.version });
  await app.register(loginRoutes, deps);

  await app.register(async (callers) => {
    callers.addHook('onRequest', async (request) => {
      request.caller = authenticator.caller(request);
    });
    await callers.register(generateRoute, deps);
    await callers.register(jobRoutes, { ...deps, waiter });
    await callers.register(modelRoutes, { ...deps, board });
    await callers.register(usageRoute, deps);
    await callers.register(rateLimitRoute, admission);
    await callers.register(cacheRoutes, cache);
  });

  await app.register(async (operators) => {
    operators.addHook('onRequest', adminOnly(deps));
    await operators.register(summaryRoute, { ...deps, board, cache });
    await operators.register(metricsRoute, { ...deps, board, waiter });
    await operators.register(bullBoardRoute, { queues });
  });
}
