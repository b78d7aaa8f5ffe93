import type { FastifyInstance } from 'fastify';
import type { AttemptCounter } from '../faults/attempt-counter.ts';
import type { CallLog } from './call-log.ts';
import type { CallFilter } from './call-record.ts';
import { makeBill } from './make-bill.ts';

interface BillDeps {
  log: CallLog;
  attempts: AttemptCounter;
}

/** What tests ask the sandbox itself; `dropped` above 0 says that the log was too short for the whole story. */
export function billRoutes(app: FastifyInstance, { log, attempts }: BillDeps): void {
  app.get<{ Querystring: CallFilter }>('/sandbox/bill', async ({ query }) => {
    return { ...makeBill(log.find(query)), dropped: log.dropped() };
  });

  app.get<{ Querystring: CallFilter }>('/sandbox/calls', async ({ query }) => {
    const calls = log.find(query);
    return { calls, open: calls.filter(({ state }) => state === 'open').length, dropped: log.dropped() };
  });

  app.delete('/sandbox/bill', async (_request, reply) => {
    log.reset();
    attempts.reset();
    return reply.code(204).send();
  });

  app.get('/health', async () => ({ status: 'ok' }));
}
