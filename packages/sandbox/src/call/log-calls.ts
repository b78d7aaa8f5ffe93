import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Call, CallLog } from '../bill/call-log.ts';
import type { Dialect } from './dialect.ts';
import { Refusal } from './refusal.ts';
import { firstHeader, REQUEST_ID_HEADER } from './request-headers.ts';

const CALL = 'call';

export function callOf(request: FastifyRequest): Call {
  return request.getDecorator<Call>(CALL);
}

/** Opens a record for every request of this scope and sees to it that each one ends, however its connection does. */
export function logCalls(app: FastifyInstance, log: CallLog, dialectOf: (request: FastifyRequest) => Dialect): void {
  app.decorateRequest(CALL, null);

  app.addHook('onRequest', async (request, reply) => {
    const dialect = dialectOf(request);
    const call = log.open({
      request_id: firstHeader(request, REQUEST_ID_HEADER) ?? null,
      dialect: dialect.name,
      method: request.method,
      path: pathOf(request),
      header_names: Object.keys(request.headers),
    });
    request.setDecorator(CALL, call);
    reply.header(dialect.requestIdHeader, call.id);
    reply.raw.once('close', () => call.settle('aborted', reply.raw.headersSent ? reply.raw.statusCode : null));
    if (!hasCredential(request)) throw new Refusal('no-credential');
  });

  app.addHook('preHandler', async (request) => {
    if (request.body && typeof request.body === 'object')
      callOf(request).describe({ parameters: Object.keys(request.body) });
  });

  // Settled before the bytes leave: a client that has its answer may ask for the log at once.
  app.addHook('onSend', async (request, reply) => {
    callOf(request).settle(reply.statusCode < 400 ? 'completed' : 'refused', reply.statusCode);
  });
}

export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? request.url;
}

function hasCredential(request: FastifyRequest): boolean {
  const bearer = firstHeader(request, 'authorization')?.replace(/^Bearer\s*/i, '');
  return Boolean(bearer?.trim() || firstHeader(request, 'x-api-key')?.trim());
}
