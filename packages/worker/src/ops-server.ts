import { createServer, type Server } from 'node:http';
import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import type { Worker } from 'bullmq';

/** `/health` and `/metrics` of a worker, for the platform that runs it; not for clients. */
export function serveOps(port: number, metrics: Metrics, workers: () => Worker[]): Server {
  return createServer(async (request, response) => {
    if (request.url === '/health') {
      const healthy = workers().every((worker) => worker.isRunning());
      response.writeHead(healthy ? 200 : 503, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: healthy ? 'healthy' : 'unhealthy', service: 'llm-gateway-worker' }));
      return;
    }
    if (request.url === '/metrics') {
      response.writeHead(200, { 'content-type': metrics.registry.contentType });
      response.end(await metrics.registry.metrics());
      return;
    }
    response.writeHead(404).end();
  }).listen(port);
}
