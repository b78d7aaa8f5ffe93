import { Client, DatabaseError } from 'pg';
import type { ServerFacts } from '../servers/private-server.ts';

const oldestVersion = 14;
/** SQLSTATE cannot_connect_now: it recovers, starts or stops. */
const notNow = '57P03';

export const isSupported = (version: string): boolean => Number.parseInt(version, 10) >= oldestVersion;

export const tooOld = (version: string): string => `version ${version} is older than ${oldestVersion}`;

/**
 * Connects and asks for the version; `ensureDatabase` names a database to make should there be none of that name.
 * Rejects with a sentence that holds no password.
 */
export async function askServer(
  address: string,
  { timeoutMs = 1_000, ensureDatabase }: { timeoutMs?: number; ensureDatabase?: string } = {},
): Promise<ServerFacts> {
  const client = new Client({
    connectionString: address,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  client.on('error', () => {}); // a connection that breaks is told by the query it breaks
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    if (ensureDatabase) await makeDatabase(client, ensureDatabase);
    return { version: rows[0]?.server_version.split(' ')[0] ?? '', loading: false };
  } catch (error) {
    if (error instanceof DatabaseError && error.code === notNow) return { version: '', loading: true };
    throw new Error(reasonOf(error as NodeJS.ErrnoException, timeoutMs));
  } finally {
    await client.end().catch(() => {});
  }
}

async function makeDatabase(client: Client, name: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
  if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
}

function reasonOf(error: NodeJS.ErrnoException, timeoutMs: number): string {
  if (error instanceof DatabaseError) return error.message;
  if (/timeout/i.test(error.message)) return `no answer within ${timeoutMs} ms`;
  return error.code ?? error.message;
}
