import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { postgresKind } from '../../scripts/postgres/postgres-kind.ts';
import { redisKind } from '../../scripts/redis/redis-kind.ts';
import { startPrivateRedis } from '../../scripts/redis/start-private-redis.ts';
import { adoptServer } from '../../scripts/servers/private-server.ts';
import { readServerState } from '../../scripts/servers/server-state.ts';
import { temporaryFolder } from '../../scripts/temporary-folder.ts';
import { claimOf, type NpmStart, npmStart, processesOf } from './npm-start.ts';

let dataDir: string;
const started: NpmStart[] = [];

beforeEach(() => {
  dataDir = temporaryFolder('llm-gateway-start');
});

afterEach(async () => {
  try {
    for (const gateway of started.splice(0)) await gateway.ctrlC();
    await nothingIsLeft();
  } finally {
    // A test that failed between a kill and the next start leaves its servers: they must not outlive the test.
    await (await adoptServer(redisKind, join(dataDir, 'redis')))?.stop();
    await (await adoptServer(postgresKind, join(dataDir, 'postgres')))?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

async function start(env: NodeJS.ProcessEnv = {}): Promise<NpmStart> {
  const gateway = await npmStart(dataDir, env);
  started.push(gateway);
  return gateway;
}

const nothingIsLeft = () => expect.poll(() => processesOf(dataDir), { timeout: 20_000 }).toEqual([]);

async function ask(url: string, prompt: string): Promise<{ cached: boolean; completion: string }> {
  const response = await fetch(`${url}/v1/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt, model: 'gpt-4o', user_id: 'start-test' }),
  });
  expect(response.status).toBe(200);
  return response.json() as Promise<{ cached: boolean; completion: string }>;
}

const answersAgain = (url: string, prompt: string) =>
  expect.poll(() => ask(url, prompt).catch(() => undefined), { timeout: 60_000 }).toBeDefined();

/** A private server of the gateway, at once and unasked; its pid. */
function killServer(name: 'redis' | 'postgres'): number {
  const pid = readServerState(join(dataDir, name))?.pid ?? 0;
  process.kill(pid, 'SIGKILL');
  return pid;
}

async function configure(url: string, settings: Record<string, string>): Promise<void> {
  const redis = new Redis(url);
  for (const [name, value] of Object.entries(settings)) await redis.config('SET', name, value);
  await redis.quit();
}

// The process list is read from /proc.
describe.skipIf(!existsSync('/proc/self/environ'))('npm start', () => {
  test('says where everything is, answers, and Ctrl-C leaves nothing behind', async () => {
    const gateway = await start();
    await gateway.ready();
    for (const told of [
      `API        ${gateway.url}`,
      `${gateway.url}/docs`,
      `${gateway.url}/admin/queues`,
      'openai: sandbox, anthropic: sandbox',
      `curl ${gateway.url}/v1/generate`,
    ]) {
      expect(gateway.printed()).toContain(told);
    }
    expect(gateway.printed()).toMatch(/^ {2}Redis {6}\d+\.\d+\.\d+, /m);
    expect(gateway.printed()).toMatch(/^ {2}Postgres {3}\d+\.\d+, /m);
    expect(gateway.printed()).not.toContain('Warning');
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
    expect(processesOf(dataDir).filter((line) => line.includes('src/main.ts'))).toHaveLength(3);

    expect([0, 'SIGINT']).toContain(await gateway.ctrlC());
    await nothingIsLeft();
  });

  test('makes an admin key that is ours alone, prints neither it nor a password, and opens the queue UI with it', async () => {
    const gateway = await start();
    await gateway.ready();
    const keyFile = join(dataDir, 'admin-key');
    const key = readFileSync(keyFile, 'utf8').trim();
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(gateway.printed()).not.toContain(key);
    for (const name of ['redis', 'postgres']) {
      const password = readServerState(join(dataDir, name))?.password;
      expect(password).toMatch(/^\S{32}$/);
      expect(gateway.printed()).not.toContain(password);
    }
    const opened = await fetch(`${gateway.url}/admin/queues/`, { headers: { authorization: `Bearer ${key}` } });
    expect(opened.status).toBe(200);
  });

  test('the second start finds the data of the first', async () => {
    const first = await start();
    await first.ready();
    expect(await ask(first.url, 'remember me')).toMatchObject({ cached: false });
    await first.ctrlC();

    const second = await start();
    await second.ready();
    expect(await ask(second.url, 'remember me')).toMatchObject({ cached: true });
  });

  test('a supervisor that is killed takes api and worker along, and the next start clears up the rest', async () => {
    const first = await start();
    await first.ready();
    expect(await ask(first.url, 'before the kill')).toMatchObject({ cached: false });
    process.kill(claimOf(dataDir).supervisor, 'SIGKILL');
    await first.exit;
    const left = () => processesOf(dataDir).filter((line) => !/redis-server|postgres/.test(line));
    await expect.poll(left, { timeout: 20_000 }).toEqual([]);
    for (const server of ['redis-server', 'bin/postgres']) {
      expect(processesOf(dataDir).filter((line) => line.includes(server))).toHaveLength(1);
    }

    const second = await start();
    await second.ready();
    expect(second.printed().match(/left running by an earlier start/g)).toHaveLength(2);
    expect(await ask(second.url, 'before the kill')).toMatchObject({ cached: true });
    await second.ctrlC();
    await nothingIsLeft();
  });

  test.for(['worker', 'api', 'sandbox'])('a %s that crashes is started again', async (name) => {
    const gateway = await start();
    await gateway.ready();
    const crashed = claimOf(dataDir).pidOf(name) ?? 0;
    process.kill(crashed, 'SIGKILL');
    await expect.poll(() => claimOf(dataDir).pidOf(name), { timeout: 20_000 }).not.toBe(crashed);
    await expect
      .poll(
        () =>
          fetch(`${gateway.url}/health`).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .toBe(200);
    await answersAgain(gateway.url, `after the crash of the ${name}`);
    expect(gateway.printed()).toContain(`${name} ended unexpectedly (SIGKILL)`);
  });

  test.for([
    ['Redis', 'redis'],
    ['Postgres', 'postgres'],
  ] as const)('a private %s that is killed is started again, and the gateway goes on', async ([name, folder]) => {
    const gateway = await start();
    await gateway.ready();
    killServer(folder);
    await expect.poll(gateway.printed, { timeout: 20_000 }).toContain(`${name} ended unexpectedly (SIGKILL)`);
    await expect.poll(gateway.printed, { timeout: 20_000 }).toContain(`${name} is back`);
    await answersAgain(gateway.url, `after the crash of ${name}`);
  });

  test('so is one that was taken over from an earlier start', async () => {
    const first = await start();
    await first.ready();
    process.kill(claimOf(dataDir).supervisor, 'SIGKILL');
    await first.exit;
    const second = await start();
    await second.ready();
    expect(second.printed()).toContain('left running by an earlier start');
    const killed = killServer('redis');
    await expect
      .poll(second.printed, { timeout: 20_000 })
      .toContain(`Redis ended unexpectedly (pid ${killed} is gone)`);
    await answersAgain(second.url, 'after the crash of an adopted Redis');
  });

  test('a Redis that may lose jobs is told on the console', async () => {
    const lossy = await startPrivateRedis({ dir: join(dataDir, 'lossy') });
    try {
      await configure(lossy.url, { appendonly: 'no', 'maxmemory-policy': 'allkeys-lru' });
      const gateway = await start({ REDIS_URL: lossy.url });
      await gateway.ready();
      expect(gateway.printed()).toMatch(/^ {2}Warning {4}maxmemory-policy is allkeys-lru/m);
      expect(gateway.printed()).toMatch(/^ {2}Warning {4}appendonly is off/m);
      await gateway.ctrlC();
    } finally {
      await lossy.stop();
    }
  });

  test('where requests need a key, the call that is printed works as it stands', async () => {
    const gateway = await start({ AUTH_MODE: 'keys' });
    await gateway.ready();
    const call = /^ {2}(curl [\s\S]*?)\n\n/m.exec(gateway.printed())?.[1] ?? '';
    expect(call).toContain('admin-key');
    const { stdout } = await promisify(execFile)('sh', ['-c', call]);
    expect(JSON.parse(stdout)).toMatchObject({ model: 'gpt-4o', cached: false });
  });

  test('with no provider at all it starts and says what to set', async () => {
    const gateway = await start({ SANDBOX: 'off' });
    await gateway.ready();
    expect(gateway.printed()).toContain('Set OPENAI_API_KEY or ANTHROPIC_API_KEY');
    expect(gateway.printed()).not.toContain('Try it');
  });

  test('says how long a stop may take', async () => {
    const gateway = await start({ DRAIN_MS: '5000' });
    await gateway.ready();
    await gateway.ctrlC();
    expect(gateway.printed()).toContain('stopping: running calls may finish, for up to 10 s');
  });

  test('a DATA_DIR that cannot be is one clear error', async () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    const gateway = await start({ DATA_DIR: join(file, 'data') });
    expect(await gateway.exit).toBe(1);
    expect(gateway.printed().trim()).toMatch(/^DATA_DIR cannot be used: .*$/);
  });

  test('an occupied port is one clear error that names PORT, and nothing is left running', async () => {
    const occupant = createServer();
    await new Promise<void>((listening) => occupant.listen(0, '127.0.0.1', listening));
    const address = occupant.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    const gateway = await start({ PORT: port });
    expect(await gateway.exit).toBe(1);
    expect(gateway.printed()).toContain(`Port ${port} on 127.0.0.1 is in use`);
    expect(gateway.printed()).toContain('PORT=');
    await nothingIsLeft();
    occupant.close();
  });

  test('a bad setting ends the start with its own message', async () => {
    const gateway = await start({ CACHE_TTL_SECONDS: 'soon' });
    expect(await gateway.exit).toBe(1);
    expect(gateway.printed()).toContain('CACHE_TTL_SECONDS');
    await nothingIsLeft();
  });

  test('a second start on the same data is refused and leaves the first alone', async () => {
    const first = await start();
    await first.ready();
    const second = await start();
    expect(await second.exit).toBe(1);
    expect(second.printed()).toContain('is running already');
    expect((await fetch(`${first.url}/health`)).status).toBe(200);
  });

  test('several workers, and a Ctrl-C in mid-start', async () => {
    const gateway = await start({ WORKERS: '2' });
    const workers = () => processesOf(dataDir).filter((line) => line.includes('worker/src/main.ts'));
    await expect.poll(workers, { timeout: 60_000, interval: 20 }).toHaveLength(2);
    expect([0, 'SIGINT']).toContain(await gateway.ctrlC());
    await nothingIsLeft();
  });
});
