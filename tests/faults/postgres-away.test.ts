import { rm } from 'node:fs/promises';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import { type Gateway, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startPrivatePostgres } from '../../scripts/postgres/start-private-postgres.ts';
import type { PrivateServer } from '../../scripts/servers/private-server.ts';
import { temporaryFolder } from '../../scripts/temporary-folder.ts';

let dir: string;
let postgres: PrivateServer;
let gateway: Gateway;
let redis: Redis;
const restart = async (port?: number) => startPrivatePostgres({ dir, port, legs: ['packages', 'machine'] });

beforeAll(async () => {
  dir = temporaryFolder('llm-gateway-postgres-away');
  postgres = await restart();
  redis = new Redis(inject('redisUrl'));
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: postgres.url,
    environment: { MAX_REQUESTS_PER_MINUTE: '1000', MAX_REQUESTS_PER_HOUR: '1000' },
  });
});
afterAll(async () => {
  await gateway?.stop();
  redis?.disconnect();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

const ask = (prompt: string) => gateway.generate({ prompt, model: 'gpt-4o', user_id: 'ann' });
const usage = () => gateway.get('/v1/usage/ann');
const health = async () => (await gateway.get('/v1/health')).body;

async function askTen(what: string) {
  const replies = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(`${what} ${i}`)));
  expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
  return replies.reduce((sum, { body }) => sum + body.total_tokens, 0);
}

test('while Postgres is away everything is served but usage, nothing is lost, and health says so', async () => {
  const before = await askTen('before');
  expect((await usage()).body).toMatchObject({ total_requests: 10, total_tokens: before });
  expect(await health()).toMatchObject({ status: 'healthy', postgres_connected: true });

  await postgres.kill('SIGKILL');
  const degraded = await waitFor(
    async () => {
      const seen = await health();
      return seen.status === 'degraded' && seen;
    },
    { what: 'health notices' },
  );
  expect(degraded).toMatchObject({ redis_connected: true, postgres_connected: false });
  expect(degraded.warnings.join()).toContain('Postgres is not reachable');
  const meanwhile = await askTen('meanwhile');
  const refused = await usage();
  expect([refused.status, refused.body.code]).toEqual([503, 'dependency_down']);
  expect((await gateway.get('/ready')).status).toBe(200);

  // A worker that is killed with rows in hand, and one that comes up without any Postgres.
  await gateway.workers[0]?.stop('SIGKILL');
  await gateway.startWorker();
  const later = await askTen('later');
  expect(await redis.xlen(createKeys(gateway.keyPrefix).ledger)).toBe(20);

  postgres = await restart(postgres.port);
  await waitFor(async () => (await redis.xlen(createKeys(gateway.keyPrefix).ledger)) === 0, {
    what: 'all rows are in Postgres',
    timeoutMs: 60_000,
  });
  const { body } = await waitFor(
    async () => {
      const told = await usage();
      return told.status === 200 && told;
    },
    { what: 'usage is told again' },
  );
  expect(body).toMatchObject({ total_requests: 30, total_tokens: before + meanwhile + later });
  await waitFor(async () => (await health()).status === 'healthy', { what: 'health is well again' });

  const database = new pg.Client({ connectionString: gateway.environment.DATABASE_URL });
  await database.connect();
  const { rows } = await database.query('select count(*)::int as rows, sum(cost_nano_usd)::bigint as nano from ledger');
  await database.end();
  expect(rows[0].rows).toBe(30);
  expect(body.total_cost_usd).toBe(Number(`${rows[0].nano}e-9`));
});
