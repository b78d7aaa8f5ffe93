import type { FastifyInstance } from 'fastify';
import type { PromptCache } from '../anthropic/prompt-cache.ts';
import type { AttemptCounter } from '../faults/attempt-counter.ts';
import type { CallLog } from './call-log.ts';
import type { CallFilter } from './call-record.ts';
import { makeBill } from './make-bill.ts';

interface BillDeps {
  log: CallLog;
  attempts: AttemptCounter;
  promptCache: PromptCache;
}

/** What tests ask the sandbox itself; `dropped` above 0 says that the log was too short for the whole story. */
export function billRoutes(app: FastifyInstance, { log, attempts, promptCache }: BillDeps): void {
  app.get<{ Querystring: CallFilter }>('/sandbox/bill', async ({ query }) => {
    return { ...makeBill(log.find(query)), dropped: log.dropped() };
  });

  app.get<{ Querystring: CallFilter & { bodies?: string } }>('/sandbox/calls', async ({ query }) => {
    const found = log.find(query);
    const withBodies = query.bodies === 'true';
    const calls = withBodies ? found.map((call) => ({ ...call, body: log.bodyOf(call.call_id) ?? null })) : found;
    return { calls, open: calls.filter(({ state }) => state === 'open').length, dropped: log.dropped() };
  });

  app.delete('/sandbox/bill', async (_request, reply) => {
    log.reset();
    attempts.reset();
    promptCache.reset();
    return reply.code(204).send();
  });

  app.get('/health', async () => ({ status: 'ok' }));
}
