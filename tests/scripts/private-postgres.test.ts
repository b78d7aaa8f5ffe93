import { chmodSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../scripts/free-port.ts';
import { findPostgres } from '../../scripts/postgres/find-postgres.ts';
import { startPrivatePostgres } from '../../scripts/postgres/start-private-postgres.ts';
import { commandLineOf } from '../../scripts/processes.ts';
import { readServerState } from '../../scripts/servers/server-state.ts';
import { temporaryFolder } from '../../scripts/temporary-folder.ts';

let dir: string;
const started: { stop(): Promise<void> }[] = [];

beforeEach(() => {
  dir = temporaryFolder('llm-gateway-private-postgres');
});

afterEach(async () => {
  delete process.env.DATABASE_URL;
  for (const server of started.splice(0)) await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function start(port?: number) {
  const server = await startPrivatePostgres({ dir: join(dir, 'postgres'), port });
  started.push(server);
  return server;
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(statement)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

const remember = (url: string) => query(url, "create table kept as select 'yes' as answer");
const recall = (url: string) => query(url, 'select answer from kept');
const remembered = [{ answer: 'yes' }];

test('is durable, listens on loopback and lets nobody in without its password', async () => {
  const server = await start();
  const shown = await query(
    server.url,
    `select current_database() as database, current_setting('fsync') as fsync,
      current_setting('synchronous_commit') as commit, current_setting('listen_addresses') as addresses,
      current_setting('unix_socket_directories') as sockets, current_setting('TimeZone') as zone`,
  );
  expect(shown).toEqual([
    { database: 'llm_gateway', fsync: 'on', commit: 'on', addresses: '127.0.0.1', sockets: '', zone: 'UTC' },
  ]);
  for (const password of ['', ':guessed']) {
    const refused = query(`postgres://postgres${password}@127.0.0.1:${server.port}/llm_gateway`, 'select 1');
    await expect(refused).rejects.toThrow(/password/);
  }
});

test('keeps the password out of the process list and in a file that is ours alone', async () => {
  const server = await start();
  const password = new URL(server.url).password;
  expect(commandLineOf(server.pid)).toContain(`-p ${server.port}`);
  expect(commandLineOf(server.pid)).not.toContain(password);
  const stateFile = join(dir, 'postgres/server.json');
  expect(readFileSync(stateFile, 'utf8')).toContain(password);
  expect(statSync(stateFile).mode & 0o777).toBe(0o600);
  expect(existsSync(join(dir, 'postgres/initdb-password'))).toBe(false);
});

test.runIf(existsSync('/proc/self/environ'))('is told nothing of our environment', async () => {
  process.env.OPENAI_API_KEY = 'sk-not-for-everybody';
  try {
    const server = await start();
    expect(readFileSync(`/proc/${server.pid}/environ`, 'utf8')).not.toContain('sk-not-for-everybody');
  } finally {
    delete process.env.OPENAI_API_KEY;
  }
});

test('keeps its data and its password over a stop and a start', async () => {
  const first = await start();
  await remember(first.url);
  await first.stop();
  expect(commandLineOf(first.pid)).toBeUndefined();
  const second = await start();
  expect(new URL(second.url).password).toBe(new URL(first.url).password);
  expect(await recall(second.url)).toEqual(remembered);
});

test('stops at once while somebody is still connected', async () => {
  const server = await start();
  const client = new Client({ connectionString: server.url });
  const ended = new Promise<string>((resolve) => client.on('error', (error) => resolve(error.message)));
  await client.connect();
  await server.stop();
  expect(await ended).toContain('terminating connection due to administrator command');
  expect(readFileSync(join(dir, 'postgres/postgres.log'), 'utf8')).toContain('database system is shut down');
});

test('comes back on the same port with its data after SIGKILL', async () => {
  const first = await start();
  await remember(first.url);
  await first.kill('SIGKILL');
  await expect(query(first.url, 'select 1')).rejects.toThrow();
  const second = await start(first.port);
  expect(second.url).toBe(first.url);
  expect(await recall(second.url)).toEqual(remembered);
});

test('data whose password is lost get another one', async () => {
  const first = await start();
  await remember(first.url);
  await first.stop();
  rmSync(join(dir, 'postgres/server.json'));
  const second = await start();
  expect(new URL(second.url).password).not.toBe(new URL(first.url).password);
  expect(await recall(second.url)).toEqual(remembered);
});

test('a server that an earlier start left running is adopted, then stopped', async () => {
  const left = await start();
  const adopted = await start();
  expect(adopted).toMatchObject({ url: left.url, pid: left.pid });
  expect(adopted.how).toContain('left running by an earlier start');
  await adopted.stop();
  expect(commandLineOf(left.pid)).toBeUndefined();
});

test('one that hangs is ended, and another one serves its data', async () => {
  const hanging = await start();
  await remember(hanging.url);
  await hanging.kill('SIGSTOP');
  const next = await start();
  expect(commandLineOf(hanging.pid)).toBeUndefined();
  expect(await recall(next.url)).toEqual(remembered);
});

test.for(['started', 'adopted'])('the end of a server that was %s is noticed', async (how) => {
  const first = await start();
  const server = how === 'started' ? first : await start();
  const ended = server.whenEnded();
  process.kill(first.pid, 'SIGKILL');
  expect(await ended).toBe(how === 'started' ? 'SIGKILL' : `pid ${first.pid} is gone`);
});

// Postgres does not run as root, and the user it runs as instead does not come to where only root does.
test.runIf(process.getuid?.() === 0)(
  'run by root in a folder of root, it keeps its data elsewhere and says so',
  async () => {
    chmodSync(dir, 0o700);
    const first = await start();
    const home = readServerState(join(dir, 'postgres'))?.home ?? '';
    try {
      expect(first.warning).toMatch(new RegExp(`data of Postgres are in ${home}, .*Set DATA_DIR`));
      await remember(first.url);
      await first.stop();
      const second = await start();
      expect(second.warning).toBe(first.warning);
      expect(await recall(second.url)).toEqual(remembered);
      await second.stop();
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  },
);

const nobody = { say: () => {}, onGivenUp: () => {} };

test('a private server that is killed comes back where it was, with its data', async () => {
  const said: string[] = [];
  const found = await findPostgres({ dataDir: dir }, { ...nobody, say: (line) => said.push(line) });
  started.push(found);
  await remember(found.url);
  process.kill(readServerState(join(dir, 'postgres'))?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => said.at(-1), { timeout: 20_000 }).toContain('Postgres is back');
  expect(said[0]).toContain('Postgres ended unexpectedly (SIGKILL)');
  expect(await recall(found.url)).toEqual(remembered);
});

test('DATABASE_URL is taken as it is, and left running', async () => {
  const server = await start();
  process.env.DATABASE_URL = server.url;
  const found = await findPostgres({ dataDir: join(dir, 'unused') }, nobody);
  expect(found).toMatchObject({ url: server.url, version: server.version });
  expect(found.how).not.toContain(new URL(server.url).password);
  await found.stop();
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(existsSync(join(dir, 'unused'))).toBe(false);
});

/** What is said of a DATABASE_URL that cannot be used, without the address. */
async function faultOf(url: string): Promise<string> {
  process.env.DATABASE_URL = url;
  const { message } = await findPostgres({ dataDir: dir }, nobody).then(
    () => new Error('it was used'),
    (error: Error) => error,
  );
  expect(message).not.toContain('hidden');
  expect(message).not.toContain('\n');
  return (
    /^DATABASE_URL \(postgres:.*?\) cannot be used: (.*) Mend it, or leave DATABASE_URL out .*$/.exec(message)?.[1] ??
    message
  );
}

test('a DATABASE_URL that will not do is an error that says why, not a reason to store data elsewhere', async () => {
  const nowhere = `postgres://me:hidden@127.0.0.1:${await freePort()}/ledger`;
  expect(await faultOf(nowhere)).toBe('nothing listens there (ECONNREFUSED).');
  const { url } = await start();
  const wrong = new URL(url);
  wrong.password = 'hidden';
  expect(await faultOf(wrong.href)).toBe('password authentication failed for user "postgres".');
  const missing = new URL(url);
  missing.pathname = '/missing';
  expect(await faultOf(missing.href)).toBe('database "missing" does not exist.');
});

test.for(['http://:hidden@127.0.0.1:5432', '127.0.0.1:5432', 'me:hidden@host:5432', 'postgres://a:b:c'])(
  'the DATABASE_URL %s is refused for its form, and not shown',
  async (url) => {
    expect(await faultOf(url)).toMatch(/begins with postgres:\/\/ or postgresql:\/\/$/);
  },
);

test('without any way to get a server the error lists what was tried and what to do', async () => {
  await expect(startPrivatePostgres({ dir, legs: [] })).rejects.toThrow(
    /Tried:[\s\S]*DATABASE_URL[\s\S]*apt-get install/,
  );
});

test('where the server of our packages is missing, that of the machine does', async () => {
  const server = await startPrivatePostgres({ dir: join(dir, 'postgres'), legs: ['machine'] }).catch(
    (error: Error) => error,
  );
  // A machine without one is told of instead.
  if (server instanceof Error) return expect(server.message).toContain('no postgres and initdb');
  started.push(server);
  expect(server.how).toContain('/postgres as a private child');
  return expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});
