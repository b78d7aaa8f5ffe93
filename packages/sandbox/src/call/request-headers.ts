import type { FastifyRequest } from 'fastify';

export const REQUEST_ID_HEADER = 'x-client-request-id';

export function firstHeader(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
