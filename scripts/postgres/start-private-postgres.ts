import { resolve } from 'node:path';
import type { PrivateServer } from '../servers/private-server.ts';
import type { Leg } from '../servers/server-program.ts';
import { readServerState } from '../servers/server-state.ts';
import { startPrivate } from '../servers/start-private.ts';
import { fromContainer } from './from-container.ts';
import { fromMachine } from './from-machine.ts';
import { fromPackages } from './from-packages.ts';
import { postgresKind } from './postgres-kind.ts';
import type { Durability } from './server-settings.ts';

export type LegName = 'packages' | 'machine' | 'container';

const legs: Record<LegName, (durability: Durability) => ReturnType<Leg>> = {
  packages: fromPackages,
  machine: fromMachine,
  container: fromContainer,
};

const advice = [
  'set DATABASE_URL to a PostgreSQL >= 14 (in the environment or in .env)',
  'install one: apt-get install postgresql, or brew install postgresql',
  'start Docker or Podman',
];

interface PrivatePostgresOptions {
  /** Data, state and log of this server; starting again on the same folder keeps data and password. */
  dir: string;
  port?: number | undefined;
  legs?: LegName[] | undefined;
  /** 'none' is for tests: faster, and lost with the machine. */
  durability?: Durability;
}

/** Starts a server of our own on `dir`, or takes over the one an earlier start left running there. */
export async function startPrivatePostgres(options: PrivatePostgresOptions): Promise<PrivateServer> {
  const dir = resolve(options.dir);
  const names = options.legs ?? ['packages', 'machine', 'container'];
  const server = await startPrivate(postgresKind, {
    dir,
    port: options.port,
    legs: names.map((name) => () => legs[name](options.durability ?? 'full')),
    advice,
  });
  const home = readServerState(dir)?.home;
  return home ? { ...server, warning: homeWarning(home, dir) } : server;
}

const homeWarning = (home: string, dir: string): string =>
  `the data of Postgres are in ${home}, which a restart of the machine may empty: it does not run as root, ` +
  `and no other user reaches ${dir}. Set DATA_DIR to a folder that all may enter`;
