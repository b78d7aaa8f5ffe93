import type { FastifyRequest } from 'fastify';

/** A header's value as one string; undefined when it is absent. */
export function header(request: Pick<FastifyRequest, 'headers'>, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
