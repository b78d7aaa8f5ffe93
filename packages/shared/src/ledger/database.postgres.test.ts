import '@llm-gateway/testkit/provided-context';
import { startTcpRelay, type TcpRelay } from '@llm-gateway/testkit/tcp-relay';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { sql } from 'kysely';
import { beforeEach, expect, inject, onTestFinished, test } from 'vitest';
import { createLogger } from '../observability/logger.ts';
import { type LedgerDatabase, openDatabase } from './database.ts';

const log = createLogger({ service: 'test', level: 'silent' });

let relay: TcpRelay;
let database: LedgerDatabase;
beforeEach(async () => {
  const url = new URL(inject('databaseUrl'));
  relay = await startTcpRelay({ host: url.hostname, port: Number(url.port) });
  url.port = String(relay.port);
  const options = { name: 'test', poolMax: 1, statementTimeoutMs: 100, connectTimeoutMs: 300, log };
  database = openDatabase(url.href, options);
  const [opened, { stop }] = [database, relay];
  onTestFinished(async () => {
    await opened.destroy();
    await stop();
  });
});

const ask = () => sql<{ one: number }>`select 1 as one`.execute(database);
const answered = { rows: [{ one: 1 }] };

test('an address at which nobody answers fails the query, and one that answers later serves it', async () => {
  await relay.stop();
  await expect(ask()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await relay.start();
  expect(await ask()).toMatchObject(answered);
});

test('a server that says nothing fails the query', async () => {
  relay.hold();
  await expect(ask()).rejects.toThrow('timeout');
});

test('a statement that runs too long is given up by the server', async () => {
  await expect(sql`select pg_sleep(60)`.execute(database)).rejects.toMatchObject({ code: '57014' });
  expect(await ask()).toMatchObject(answered);
});

test('a connection that falls silent fails its query and is not used again', async () => {
  await ask();
  relay.hold();
  await expect(ask()).rejects.toThrow('did not answer');
  await relay.start();
  expect(await ask()).toMatchObject(answered);
});

test('an idle connection that breaks does not end the process, and another takes its place', async () => {
  await ask();
  await relay.stop();
  await relay.start();
  expect(await waitFor(ask, { what: 'an answer' })).toMatchObject(answered);
});

test('whole numbers and sums of them come as they are, however large', async () => {
  const { rows } = await sql`select 9007199254740993::bigint as one, sum(x) as sum
    from (values (9223372036854775807::bigint), (9223372036854775807)) as t (x)`.execute(database);
  expect(rows).toEqual([{ one: '9007199254740993', sum: '18446744073709551614' }]);
});
