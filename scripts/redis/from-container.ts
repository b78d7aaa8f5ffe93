import { findEngine, launchContainer } from '../servers/container-engine.ts';
import type { ServerProgram } from '../servers/server-program.ts';
import { configuration } from './redis-program.ts';

const image = 'redis:8-alpine';

/** A server in a container, where an engine answers. */
export async function fromContainer(): Promise<ServerProgram | string> {
  const engine = await findEngine();
  if (typeof engine === 'string') return engine;
  return {
    how: `${engine.kind} ${image}`,
    launch: ({ dir, port, password }) => ({
      ...launchContainer(engine, {
        label: 'redis',
        ports: [port, 6379],
        volume: [dir, '/data'],
        image,
        command: ['redis-server', '-'],
      }),
      input: configuration({ bind: '* -::*', port: 6379, dir: '/data' }, password),
    }),
  };
}
