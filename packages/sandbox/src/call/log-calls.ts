import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Call, CallLog } from '../bill/call-log.ts';
import type { Dialect } from './dialect.ts';
import { Refusal } from './refusal.ts';
import { credentialsOf, firstHeader, REQUEST_ID_HEADER, steeringHeaders } from './request-headers.ts';

const CALL = 'call';

export function callOf(request: FastifyRequest): Call {
  return request.getDecorator<Call>(CALL);
}

/** Opens a record for every request of this scope and sees to it that each one ends, however its connection does. */
export function logCalls(app: FastifyInstance, log: CallLog, dialectOf: (request: FastifyRequest) => Dialect): void {
  app.decorateRequest(CALL, null);

  app.addHook('onRequest', async (request, reply) => {
    const dialect = dialectOf(request);
    const credentials = credentialsOf(request);
    const call = log.open({
      request_id: firstHeader(request, REQUEST_ID_HEADER) ?? null,
      dialect: dialect.name,
      method: request.method,
      path: pathOf(request),
      header_names: Object.keys(request.headers),
      headers: steeringHeaders(request),
      credentials,
    });
    request.setDecorator(CALL, call);
    reply.header(dialect.requestIdHeader, call.id);
    reply.raw.once('close', () => call.settle('aborted', reply.raw.headersSent ? reply.raw.statusCode : null));
    if (Object.keys(credentials).length === 0) throw new Refusal('no-credential');
  });

  app.addHook('preHandler', async (request) => {
    const { body } = request;
    if (!body || typeof body !== 'object') return;
    callOf(request).keepBody(body, Number(request.headers['content-length']) || JSON.stringify(body).length);
  });

  // Settled before the bytes leave: a client that has its answer may ask for the log at once.
  app.addHook('onSend', async (request, reply) => {
    callOf(request).settle(reply.statusCode < 400 ? 'completed' : 'refused', reply.statusCode);
  });
}

export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? request.url;
}
