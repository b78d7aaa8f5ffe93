import type { FastifyInstance } from 'fastify';

/**
 * Lets a DELETE carry a JSON content type and nothing in the body: many clients send that type with every request, and
 * Fastify would look for the JSON.
 */
export function allowBodylessDelete(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ method, headers }) => {
    const isEmpty = (headers['content-length'] ?? '0') === '0' && headers['transfer-encoding'] === undefined;
    if (method === 'DELETE' && isEmpty) delete headers['content-type'];
  });
}
