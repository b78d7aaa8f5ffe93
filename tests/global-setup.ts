import '@llm-gateway/testkit/provided-context';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPrivatePostgres } from '../scripts/postgres/start-private-postgres.ts';
import { startPrivateRedis } from '../scripts/redis/start-private-redis.ts';
import { temporaryFolder } from '../scripts/temporary-folder.ts';

interface Infrastructure {
  redisUrl: string;
  databaseUrl: string;
  how: string;
  stop(): Promise<unknown>;
}

/**
 * A real Redis and Postgres for the projects that need them: containers where an engine answers, else private local
 * servers. Each project has its own copy of this module and calls it; the servers are one pair, held by the process
 * they share.
 */
export default async function setup(project: TestProject) {
  shared.users += 1;
  shared.infrastructure ??= start();
  const { redisUrl, databaseUrl } = await shared.infrastructure;
  project.provide('redisUrl', redisUrl);
  project.provide('databaseUrl', databaseUrl);
  return async () => {
    shared.users -= 1;
    if (shared.users === 0) await (await shared.infrastructure)?.stop();
  };
}

interface Shared {
  users: number;
  infrastructure?: Promise<Infrastructure>;
}

const holder = globalThis as typeof globalThis & { llmGatewayTests?: Shared };
holder.llmGatewayTests ??= { users: 0 };
const shared = holder.llmGatewayTests;

async function start(): Promise<Infrastructure> {
  const startedAt = performance.now();
  const forced = process.env.TEST_INFRA;
  const infrastructure =
    (forced === 'local' ? undefined : await containers(forced === 'containers')) ?? (await localServers());
  console.log(`[tests] ${infrastructure.how} (${Math.round(performance.now() - startedAt)} ms)`);
  return infrastructure;
}

async function containers(required: boolean): Promise<Infrastructure | undefined> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient(); // throws at once when no engine answers
  } catch (error) {
    if (required) throw error;
    return;
  }
  const [{ RedisContainer }, { PostgreSqlContainer }] = await Promise.all([
    import('@testcontainers/redis'),
    import('@testcontainers/postgresql'),
  ]);
  const [redis, postgres] = await Promise.all([
    new RedisContainer('redis:8-alpine').start(),
    new PostgreSqlContainer('postgres:18-alpine').withCommand(['postgres', '-c', 'max_connections=200']).start(),
  ]);
  return {
    redisUrl: redis.getConnectionUrl(),
    databaseUrl: postgres.getConnectionUri(),
    how: 'Redis: container redis:8-alpine; Postgres: container postgres:18-alpine',
    stop: () => Promise.all([redis.stop(), postgres.stop()]),
  };
}

/** Never REDIS_URL, DATABASE_URL or what runs on the usual ports: tests flush and kill, and that may be somebody's data. */
async function localServers(): Promise<Infrastructure> {
  const dir = temporaryFolder('llm-gateway-test');
  // vitest dies of a Ctrl-C without any teardown; leaving by exit() ends the servers and their folder too.
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const [redis, postgres] = await Promise.all([
    startPrivateRedis({ dir: join(dir, 'redis'), legs: ['path', 'debs'] }),
    startPrivatePostgres({ dir: join(dir, 'postgres'), legs: ['packages', 'machine'], durability: 'none' }),
  ]);
  return {
    redisUrl: redis.url,
    databaseUrl: postgres.url,
    how: `Redis: ${redis.how}, version ${redis.version}; Postgres: ${postgres.how}, version ${postgres.version}`,
    stop: () => Promise.all([redis.stop(), postgres.stop()]),
  };
}
