import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import type { FastifyPluginAsync } from 'fastify';
import type { StreamConnections } from '../../delivery/stream-connections.ts';
import type { Waiter } from '../../delivery/waiter.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
import type { LedgerWatch } from '../../usage/ledger-watch.ts';

export interface MetricsRouteDeps {
  metrics: Metrics;
  board: LaneBoard;
  waiter: Waiter;
  connections: StreamConnections;
  ledgerWatch: LedgerWatch;
}

/** Prometheus' view of this process, of the lanes and of the ledger. What Redis knows is left as it was while that is away. */
export const metricsRoute: FastifyPluginAsync<MetricsRouteDeps> = async (
  app,
  { metrics, board, waiter, connections, ledgerWatch },
) => {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    metrics.waiting.set(waiter.size());
    metrics.openStreams.set(connections.size());
    const backlog = await ledgerWatch.backlog();
    if (backlog) {
      metrics.ledgerBacklog.set(backlog.rows);
      metrics.ledgerOldestSeconds.set(backlog.oldestS);
    }
    const lanes = await board.known().catch(() => []);
    await Promise.all(
      lanes.map(async (lane) => {
        const counts = await board.counts(lane).catch(() => ({}));
        for (const [state, count] of Object.entries(counts)) metrics.laneJobs.set({ lane, state }, count);
      }),
    );
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
};
