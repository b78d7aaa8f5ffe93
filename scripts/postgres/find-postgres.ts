import { join } from 'node:path';
import { type Keeper, keepServer } from '../servers/keep-server.ts';
import type { Server } from '../servers/server-program.ts';
import { fromEnv } from './from-env.ts';
import { startPrivatePostgres } from './start-private-postgres.ts';

/**
 * DATABASE_URL, else a private server: the binaries that come with our packages, those of this machine, a container.
 * Whatever else listens on localhost:5432 may be somebody's data and is left alone.
 */
export async function findPostgres({ dataDir }: { dataDir: string }, keeper: Keeper): Promise<Server> {
  const url = process.env.DATABASE_URL?.trim();
  if (url) return fromEnv(url);
  const dir = join(dataDir, 'postgres');
  const first = await startPrivatePostgres({ dir });
  const startAgain = () => startPrivatePostgres({ dir, port: first.port });
  return keepServer(first, { ...keeper, name: 'Postgres', startAgain });
}
