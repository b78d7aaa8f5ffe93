import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';

/** A route as it was registered: `GET /v1/jobs/:id`. */
export type RouteName = `${string} ${string}`;

const channel = 'fastify.initialization';

/** All routes of an app that `start` builds, hidden ones too; HEAD goes the way of GET. For tests. */
export async function collectRoutes<Started>(
  start: () => Promise<Started>,
): Promise<{ started: Started; routes: RouteName[] }> {
  const routes = new Set<RouteName>();
  const listen = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) if (one !== 'HEAD') routes.add(`${one} ${url}`);
    });
  };
  subscribe(channel, listen);
  try {
    return { started: await start(), routes: [...routes].sort() };
  } finally {
    unsubscribe(channel, listen);
  }
}
