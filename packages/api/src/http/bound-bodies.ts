import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How long the body of a request may take to come; absent: as for all. */
    bodyMs?: number;
  }
}

/**
 * Cuts the connection of a request whose body takes too long. The server's own timeout is one for all routes, and a file
 * takes longer than a prompt. To be called before any route is registered.
 */
export function boundBodies(app: FastifyInstance, usualMs: number): void {
  app.addHook('onRequest', async ({ raw, routeOptions }) => {
    if (raw.headers['transfer-encoding'] === undefined && Number(raw.headers['content-length'] ?? 0) === 0) return;
    const late = setTimeout(() => raw.complete || raw.destroy(), routeOptions.config?.bodyMs ?? usualMs);
    raw.once('close', () => clearTimeout(late));
  });
}
