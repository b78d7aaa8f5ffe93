import type { FastifyRequest } from 'fastify';

/**
 * A `preValidation` hook: null members of a body are as good as absent, which is what clients with optional fields mean
 * by them. So are those of its objects and of theirs; what lies deeper is passed on as it is, as the null in a JSON
 * schema is.
 */
export const ignoreNulls =
  (levels?: number) =>
  async (request: FastifyRequest): Promise<void> => {
    request.body = withoutNulls(request.body, levels);
  };

/** A value without the null members of its objects, so many levels deep. */
export function withoutNulls(body: unknown, levels = 3): unknown {
  if (levels === 0 || typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const given = Object.entries(body).filter(([, member]) => member !== null);
  return Object.fromEntries(given.map(([name, member]) => [name, withoutNulls(member, levels - 1)]));
}
