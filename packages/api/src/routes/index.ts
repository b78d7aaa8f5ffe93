import type { FastifyInstance } from 'fastify';
import { administrators, adminOnly } from '../auth/admin-only.ts';
import { refuseForeignPages, requireOwnUser, requireScope } from '../auth/require-scope.ts';
import { createCacheStore } from '../cache/cache-store.ts';
import type { ApiDeps } from '../deps.ts';
import { draining } from '../http/draining.ts';
import { createJobCommands } from '../jobs/job-commands.ts';
import { createJobList } from '../jobs/job-list.ts';
import { bullBoardRoute } from './admin/bull-board.ts';
import { keyRoutes } from './admin/keys.ts';
import { ledgerRoute } from './admin/ledger.ts';
import { logChanges } from './admin/log-changes.ts';
import { loginRoutes } from './admin/login.ts';
import { summaryRoute } from './admin/summary.ts';
import { tenantUserRoutes } from './admin/tenant-users.ts';
import { tenantRoutes } from './admin/tenants.ts';
import { writeOffRoute } from './admin/write-off.ts';
import { countTokensRoute } from './anthropic/count-tokens.ts';
import { messageBatchRoutes } from './anthropic/message-batches.ts';
import { messagesRoute } from './anthropic/messages.ts';
import { cacheRoutes } from './native/cache.ts';
import { generateRoute } from './native/generate.ts';
import { jobCommandRoutes } from './native/job-commands.ts';
import { jobEventsRoute } from './native/job-events.ts';
import { jobRoutes } from './native/jobs.ts';
import { listJobsRoute } from './native/list-jobs.ts';
import { modelRoutes } from './native/models.ts';
import { ownKeyRoute } from './native/own-key.ts';
import { rateLimitRoute } from './native/rate-limit.ts';
import { submitJobRoute } from './native/submit-job.ts';
import { usageRoute } from './native/usage.ts';
import { webhookDeliveryRoutes } from './native/webhook-deliveries.ts';
import { webhookEndpointRoutes } from './native/webhook-endpoints.ts';
import { webhookSecretRoutes } from './native/webhook-secret.ts';
import { batchRoutes } from './openai/batches.ts';
import { chatRoute } from './openai/chat-completions.ts';
import { completionsRoute } from './openai/completions.ts';
import { embeddingsRoute } from './openai/embeddings.ts';
import { fileRoutes } from './openai/files.ts';
import { listCompletionRoutes } from './openai/list-completions.ts';
import { responsesRoutes } from './openai/responses.ts';
import { storedCompletionRoutes } from './openai/stored-completions.ts';
import { healthRoutes } from './ops/health.ts';
import { metricsRoute } from './ops/metrics.ts';

/** All routes, one line each, in four rooms: for everybody, for callers, for administrators of tenants and for the operator. */
export async function registerRoutes(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  const { admission, authenticator, settings, isDraining } = deps;
  const { board, waiter } = admission;
  const cache = { store: createCacheStore(deps.redis, deps.keys), ttlS: settings.cacheTtlS };

  await app.register(healthRoutes, { ...deps, board, version: settings.version });
  await app.register(loginRoutes, deps);

  await app.register(async (callers) => {
    callers.addHook('onRequest', async (request) => {
      // On a connection that was open before: new ones are not taken any more.
      if (isDraining()) throw draining();
      request.caller = await authenticator.caller(request);
      requireScope(request);
      refuseForeignPages(request);
      for (const part of [request.params, request.query] as { user_id?: unknown }[]) {
        requireOwnUser(request.caller, part.user_id, 'user_id');
      }
    });
    await callers.register(generateRoute, deps);
    await callers.register(messagesRoute, deps);
    await callers.register(countTokensRoute, { ...deps, board });
    const commands = createJobCommands(deps);
    await callers.register(responsesRoutes, { ...deps, board, commands });
    await callers.register(submitJobRoute, deps);
    await callers.register(chatRoute, deps);
    await callers.register(storedCompletionRoutes, { ...deps, waiter, commands });
    await callers.register(listCompletionRoutes, { ...deps, list: createJobList(deps) });
    await callers.register(completionsRoute, deps);
    await callers.register(embeddingsRoute, deps);
    await callers.register(jobRoutes, { ...deps, board, waiter });
    await callers.register(listJobsRoute, { list: createJobList(deps) });
    await callers.register(jobCommandRoutes, { ...deps, commands });
    await callers.register(jobEventsRoute, { ...deps, waiter });
    await callers.register(webhookEndpointRoutes, deps);
    await callers.register(webhookSecretRoutes, deps);
    await callers.register(webhookDeliveryRoutes, deps);
    await callers.register(modelRoutes, { ...deps, board });
    await callers.register(usageRoute, deps);
    await callers.register(rateLimitRoute, admission);
    await callers.register(cacheRoutes, { ...cache, clearScope: authenticator.mode === 'keys' ? 'admin' : 'generate' });
    await callers.register(ownKeyRoute, deps);
    await callers.register(fileRoutes, deps);
    await callers.register(batchRoutes, deps);
    await callers.register(messageBatchRoutes, deps);
  });

  await app.register(async (admins) => {
    admins.addHook('onRequest', administrators(deps));
    admins.addHook('onResponse', logChanges);
    await admins.register(summaryRoute, { ...deps, board, cache });
    await admins.register(ledgerRoute, deps);
    await admins.register(keyRoutes, deps);
    await admins.register(tenantRoutes, deps);
    await admins.register(tenantUserRoutes, deps);
    await admins.register(writeOffRoute, deps);
  });

  await app.register(async (operators) => {
    operators.addHook('onRequest', adminOnly(deps));
    await operators.register(metricsRoute, { ...deps, board, waiter, connections: deps.streams.connections });
    await operators.register(bullBoardRoute, { ...deps, board });
  });
}
