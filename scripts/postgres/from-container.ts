import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findEngine, launchContainer } from '../servers/container-engine.ts';
import type { ServerProgram } from '../servers/server-program.ts';
import { writeServerState } from '../servers/server-state.ts';
import { initdbLocale } from './data-folder.ts';
import { type Durability, settingArguments } from './server-settings.ts';

const image = 'postgres:18-alpine';

/** A server in a container, where an engine answers. */
export async function fromContainer(durability: Durability): Promise<ServerProgram | string> {
  const engine = await findEngine();
  if (typeof engine === 'string') return engine;
  return {
    how: `${engine.kind} ${image}`,
    launch: ({ dir, port, password }) => {
      const data = join(dir, 'data');
      mkdirSync(data, { recursive: true, mode: 0o700 });
      writeServerState(dir, { password, port: 0, pid: 0 }); // before it becomes the password of the data
      const variables = {
        PGDATA: '/pgdata',
        POSTGRES_PASSWORD: password,
        POSTGRES_INITDB_ARGS: initdbLocale.join(' '),
      };
      return {
        ...launchContainer(engine, {
          label: 'postgres',
          ports: [port, 5432],
          volume: [data, variables.PGDATA],
          variables: Object.keys(variables),
          image,
          command: ['postgres', ...settingArguments(durability, {})],
        }),
        env: { ...process.env, ...variables },
      };
    },
  };
}
