import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
import type { LedgerWatch } from '../../usage/ledger-watch.ts';

export interface HealthDeps
  extends Pick<ApiDeps, 'redis' | 'isDraining' | 'redisWarnings' | 'ledgerWatch' | 'routing'> {
  board: LaneBoard;
  version: string;
}

/** In the documentation: no key is sent. */
const forAnybody = { tags: ['Health'], security: [] as Record<string, string[]>[] };

const queueView = z.object({ waiting: z.int(), active: z.int(), delayed: z.int() });

const detailedHealth = z.object({
  status: z.enum(['healthy', 'degraded']),
  version: z.string(),
  redis_connected: z.boolean(),
  postgres_connected: z.boolean(),
  ledger: z
    .object({ backlog: z.int(), oldest_s: z.int() })
    .nullable()
    .describe('Rows on their way to Postgres, and the age of the oldest one; null where Redis is away'),
  queue: queueView.nullable(),
  workers: z.int(),
  providers: z.record(z.string(), z.enum(['live', 'sandbox'])),
  uptime_s: z.number(),
  warnings: z.array(z.string()),
});

/** What one look at Redis tells. Everything is null or empty when it cannot be reached; nothing here throws. */
async function look(board: LaneBoard) {
  try {
    const { workers, lanes } = await board.survey();
    const counts = await Promise.all([...lanes.keys()].map((lane) => board.counts(lane)));
    const queue = { waiting: 0, active: 0, delayed: 0 };
    for (const { waiting, active, delayed } of counts) {
      queue.waiting += waiting;
      queue.active += active;
      queue.delayed += delayed;
    }
    return { connected: true, workers, queue, providers: Object.fromEntries(lanes) };
  } catch {
    return { connected: false, workers: 0, queue: null, providers: {} };
  }
}

// Rows reach Postgres within milliseconds, and after the death of a worker within half a minute.
const ledgerLateS = 60;

/** How the ledger is, in the same way. */
async function lookAtLedger(watch: LedgerWatch) {
  const [isConnected, backlog] = await Promise.all([watch.isConnected(), watch.backlog()]);
  const lateS = backlog && backlog.oldestS > ledgerLateS ? backlog.oldestS : undefined;
  return {
    isConnected,
    ledger: backlog && { backlog: backlog.rows, oldest_s: backlog.oldestS },
    warnings: [
      ...(isConnected ? [] : ['Postgres is not reachable: usage is not told, and the ledger waits in Redis']),
      ...(lateS === undefined ? [] : [`The ledger is behind: its oldest row has waited for ${lateS} s`]),
    ],
  };
}

export const healthRoutes: FastifyPluginAsyncZod<HealthDeps> = async (
  app,
  { redis, board, version, isDraining, redisWarnings, ledgerWatch, routing },
) => {
  app.get(
    '/',
    {
      schema: {
        ...forAnybody,
        summary: 'Name and version',
        response: { 200: z.object({ message: z.string(), version: z.string() }) },
      },
    },
    async () => ({ message: 'LLM Gateway API', version }),
  );

  app.get(
    '/health',
    {
      schema: {
        ...forAnybody,
        summary: 'Whether this process lives',
        response: { 200: z.object({ status: z.literal('healthy'), service: z.literal('llm-gateway') }) },
      },
    },
    async () => ({ status: 'healthy' as const, service: 'llm-gateway' as const }),
  );

  app.get(
    '/v1/health',
    {
      schema: {
        ...forAnybody,
        summary: 'How the gateway is',
        response: { 200: detailedHealth },
      },
    },
    async () => {
      const [seen, books] = await Promise.all([look(board), lookAtLedger(ledgerWatch)]);
      const { connected, workers, queue, providers } = seen;
      const isHealthy = connected && workers > 0 && books.warnings.length === 0;
      return {
        status: isHealthy ? ('healthy' as const) : ('degraded' as const),
        version,
        redis_connected: connected,
        postgres_connected: books.isConnected,
        ledger: books.ledger,
        queue,
        workers,
        providers,
        uptime_s: Math.round(process.uptime()),
        warnings: [
          ...redisWarnings,
          ...(connected ? [] : ['Redis is not reachable: new requests are refused with 503']),
          ...(connected && workers === 0 ? ['No worker is running: accepted jobs wait'] : []),
          ...books.warnings,
          ...(routing.state()?.refused ? ['The routing file is refused: the version before it is in use'] : []),
        ],
      };
    },
  );

  const readiness = z.object({ status: z.enum(['ready', 'not_ready']), reason: z.string().optional() });
  app.get(
    '/ready',
    {
      schema: {
        ...forAnybody,
        summary: 'Whether a balancer should send requests here',
        response: { 200: readiness, 503: readiness },
      },
    },
    async (_request, reply) => {
      if (isDraining()) return reply.code(503).send({ status: 'not_ready', reason: 'shutting down' });
      try {
        // A Redis that hangs keeps its connections: only an answer tells that it serves.
        await redis.ping();
        return { status: 'ready' as const };
      } catch {
        return reply.code(503).send({ status: 'not_ready', reason: 'Redis does not answer' });
      }
    },
  );
};
