import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { adoptServer } from '../../scripts/redis/private-server.ts';
import { claimOf, type NpmStart, npmStart, processesOf } from './npm-start.ts';

let dataDir: string;
const started: NpmStart[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'llm-gateway-start-'));
});

afterEach(async () => {
  try {
    for (const gateway of started.splice(0)) await gateway.ctrlC();
    await nothingIsLeft();
  } finally {
    // A test that failed between a kill and the next start leaves a Redis: it must not outlive the test.
    await (await adoptServer(join(dataDir, 'redis')))?.stop();
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
    const { password } = JSON.parse(readFileSync(join(dataDir, 'redis/server.json'), 'utf8')) as { password: string };
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(gateway.printed()).not.toContain(key);
    expect(gateway.printed()).not.toContain(password);
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
    const left = () => processesOf(dataDir).filter((line) => !line.includes('redis-server'));
    await expect.poll(left, { timeout: 20_000 }).toEqual([]);
    expect(processesOf(dataDir)).toHaveLength(1);

    const second = await start();
    await second.ready();
    expect(second.printed()).toContain('left running by an earlier start');
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
    await expect
      .poll(() => ask(gateway.url, `after the crash of the ${name}`).catch(() => undefined), {
        timeout: 60_000,
      })
      .toBeDefined();
    expect(gateway.printed()).toContain(`${name} ended unexpectedly (SIGKILL)`);
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
