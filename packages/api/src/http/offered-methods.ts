import type { FastifyInstance } from 'fastify';

/**
 * Which methods are offered at a path, for 405 and `Allow`. Fastify's own `findRoute` compares patterns and so never
 * finds `/v1/jobs/job_1`; it has to be told of before any route is registered.
 */
export function collectOfferedMethods(app: FastifyInstance): (path: string) => string[] {
  const offered = new Map<string, { matcher: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ method, url }) => {
    const entry = offered.get(url) ?? { matcher: matcherOf(url), methods: new Set() };
    for (const one of [method].flat()) entry.methods.add(one);
    offered.set(url, entry);
  });
  return (path) => {
    const matching = [...offered.values()].filter(({ matcher }) => matcher.test(path));
    return [...new Set(matching.flatMap(({ methods }) => [...methods]))].sort();
  };
}

const matcherOf = (url: string) =>
  new RegExp(
    `^${url
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replace(/:[^/]+/g, '[^/]+')}$`,
  );
