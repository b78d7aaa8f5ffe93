import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../scripts/free-port.ts';
import { commandLineOf } from '../../scripts/processes.ts';
import { findRedis } from '../../scripts/redis/find-redis.ts';
import { startPrivateRedis } from '../../scripts/redis/start-private-redis.ts';

let dir: string;
const started: { stop(): Promise<void> }[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'llm-gateway-private-redis-'));
});

afterEach(async () => {
  delete process.env.REDIS_URL;
  for (const server of started.splice(0)) await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function start(port?: number) {
  const server = await startPrivateRedis({ dir, port });
  started.push(server);
  return server;
}

async function using<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

test('is durable, evicts nothing, listens on loopback and lets nobody in without its password', async () => {
  const server = await start();
  const settings = await using(server.url, (redis) =>
    redis.config('GET', 'appendonly', 'appendfsync', 'save', 'maxmemory-policy', 'bind'),
  );
  expect(settings).toEqual(expect.arrayContaining(['yes', 'everysec', '', 'noeviction', '127.0.0.1']));
  await expect(using(`redis://127.0.0.1:${server.port}`, (redis) => redis.ping())).rejects.toThrow('NOAUTH');
});

test('keeps the password out of the process list and in a file that is ours alone', async () => {
  const server = await start();
  const password = new URL(server.url).password;
  expect(commandLineOf(server.pid)).not.toContain(password);
  const stateFile = join(dir, 'server.json');
  expect(readFileSync(stateFile, 'utf8')).toContain(password);
  expect(statSync(stateFile).mode & 0o777).toBe(0o600);
});

test('comes back on the same port with its data after SIGKILL', async () => {
  const first = await start();
  await using(first.url, (redis) => redis.set('kept', 'yes'));
  await expect.poll(() => using(first.url, (redis) => redis.info('persistence'))).toContain('aof_pending_bio_fsync:0');
  await first.kill('SIGKILL');
  await expect(using(first.url, (redis) => redis.ping())).rejects.toThrow();
  const second = await start(first.port);
  expect(second.url).toBe(first.url);
  expect(await using(second.url, (redis) => redis.get('kept'))).toBe('yes');
});

test('a server that an earlier start left running is adopted, then stopped', async () => {
  const left = await start();
  const adopted = await start();
  expect(adopted).toMatchObject({ url: left.url, pid: left.pid });
  expect(adopted.how).toContain('left running by an earlier start');
  await adopted.stop();
  expect(commandLineOf(left.pid)).toBeUndefined();
});

test.for(['started', 'adopted'])('the end of a server that was %s is noticed', async (how) => {
  const first = await start();
  const server = how === 'started' ? first : await start();
  const ended = server.whenEnded();
  process.kill(first.pid, 'SIGKILL');
  expect(await ended).toBe(how === 'started' ? 'SIGKILL' : `pid ${first.pid} is gone`);
});

const nobody = { say: () => {}, onGivenUp: () => {} };

test('a private server that is killed comes back where it was, with its data', async () => {
  const said: string[] = [];
  const found = await findRedis({ dataDir: dir }, { ...nobody, say: (line) => said.push(line) });
  started.push(found);
  await using(found.url, (redis) => redis.set('kept', 'yes'));
  await expect.poll(() => using(found.url, (redis) => redis.info('persistence'))).toContain('aof_pending_bio_fsync:0');
  const { pid } = JSON.parse(readFileSync(join(dir, 'redis/server.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => said.at(-1), { timeout: 20_000 }).toContain('Redis is back');
  expect(said[0]).toContain('Redis ended unexpectedly (SIGKILL)');
  expect(await using(found.url, (redis) => redis.get('kept'))).toBe('yes');
});

test('REDIS_URL is taken as it is, and left running', async () => {
  const server = await start();
  process.env.REDIS_URL = server.url;
  const found = await findRedis({ dataDir: join(dir, 'unused') }, nobody);
  expect(found).toMatchObject({ url: server.url, version: server.version });
  expect(found.how).not.toContain(new URL(server.url).password);
  await found.stop();
  expect(await using(server.url, (redis) => redis.ping())).toBe('PONG');
});

test('a REDIS_URL that does not answer is an error, not a reason to store data elsewhere', async () => {
  process.env.REDIS_URL = `redis://:hidden@127.0.0.1:${await freePort()}`;
  await expect(findRedis({ dataDir: dir }, nobody)).rejects.toThrow(
    /REDIS_URL \(redis:\/\/:\*\*\*@.*ECONNREFUSED.*or leave REDIS_URL out for a private one/,
  );
});

test.for(['http://:hidden@127.0.0.1:6379', '127.0.0.1:6379', 'localhost:6379', 'me:hidden@host:6379', 'redis://a:b:c'])(
  'the REDIS_URL %s is refused for its form, and not shown',
  async (url) => {
    process.env.REDIS_URL = url;
    await expect(findRedis({ dataDir: dir }, nobody)).rejects.toThrow(/begins with redis:\/\/ or rediss:\/\/$/);
    await expect(findRedis({ dataDir: dir }, nobody)).rejects.not.toThrow('hidden');
  },
);

test('without any way to get a server the error lists what was tried and what to do', async () => {
  await expect(startPrivateRedis({ dir, legs: [] })).rejects.toThrow(/Tried:[\s\S]*REDIS_URL[\s\S]*apt-get install/);
});
