import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface HeaderDeps {
  metrics: Pick<Metrics, 'httpSeconds'>;
  isDraining: () => boolean;
}

/** Headers of every answer, and its time in the metrics. Each SDK reads its own name of the request id. */
export function sendStandardHeaders(app: FastifyInstance, { metrics: { httpSeconds }, isDraining }: HeaderDeps): void {
  app.addHook('onRequest', async (request, reply) => {
    setRequestHeaders(request, reply);
  });
  app.addHook('onSend', async (request, reply) => {
    setTimeHeaders(reply);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', cacheControlOf(request));
    // A connection that is kept alive would keep the closing server waiting for its next request.
    if (isDraining()) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    httpSeconds.observe(
      { method: request.method, route: request.routeOptions.url ?? 'unknown', status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
  });
}

/** What is for one key is for no cache on the way, which knows only `Authorization` to be one. */
const cacheControlOf = ({ method }: FastifyRequest) => (method === 'POST' ? 'no-store' : 'private, no-cache');

export function setRequestHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({ 'x-request-id': request.id, 'request-id': request.id, 'x-content-type-options': 'nosniff' });
}

export function setTimeHeaders(reply: FastifyReply): void {
  reply.headers({
    'x-process-time': (reply.elapsedTime / 1000).toFixed(6),
    'openai-processing-ms': String(Math.round(reply.elapsedTime)),
  });
}
