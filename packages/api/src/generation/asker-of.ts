import type { FastifyRequest } from 'fastify';
import { header } from '../http/header.ts';
import type { Asker } from './to-generation-request.ts';

/** Who sent an HTTP request. */
export const askerOf = (request: FastifyRequest): Asker => ({
  caller: request.caller,
  requestId: request.id,
  method: request.method,
  header: (name) => header(request, name),
});
