import '@llm-gateway/testkit/provided-context';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type LegName, startPrivateRedis } from '../scripts/redis/start-private-redis.ts';

interface Infrastructure {
  redisUrl: string;
  how: string;
  stop(): Promise<unknown>;
}

/**
 * A real Redis for the projects that need one: a container where an engine answers, else a private local server.
 * Each project has its own copy of this module and calls it; the server is one, held by the process they share.
 */
export default async function setup(project: TestProject) {
  shared.users += 1;
  shared.infrastructure ??= start();
  project.provide('redisUrl', (await shared.infrastructure).redisUrl);
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
    (forced === 'local' ? undefined : await container(forced === 'containers')) ?? (await localServer());
  console.log(`[tests] Redis: ${infrastructure.how} (${Math.round(performance.now() - startedAt)} ms)`);
  return infrastructure;
}

async function container(required: boolean): Promise<Infrastructure | undefined> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient(); // throws at once when no engine answers
  } catch (error) {
    if (required) throw error;
    return;
  }
  const { RedisContainer } = await import('@testcontainers/redis');
  const server = await new RedisContainer('redis:8-alpine').start();
  return {
    redisUrl: server.getConnectionUrl(),
    how: 'container redis:8-alpine',
    stop: () => server.stop(),
  };
}

/** Never REDIS_URL and never what runs on port 6379: tests flush and kill, and that may be somebody's data. */
async function localServer(): Promise<Infrastructure> {
  const dir = mkdtempSync(join(tmpdir(), 'llm-gateway-test-redis-'));
  const legs: LegName[] = ['path', 'debs'];
  const server = await startPrivateRedis({ dir, legs });
  // vitest dies of a Ctrl-C without any teardown; leaving by exit() ends the server and its folder too.
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  return {
    redisUrl: server.url,
    how: `${server.how}, version ${server.version}`,
    stop: () => server.stop(),
  };
}
