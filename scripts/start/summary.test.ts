import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { AdminKey } from './admin-key.ts';
import { readSettings } from './settings.ts';
import { summary } from './summary.ts';

const generated = { key: 'gw_admin_secret', where: '/here/.data/admin-key', file: '/here/.data/admin-key' };

const told = (env: NodeJS.ProcessEnv, { admin = generated as AdminKey, warnings = [] as string[] } = {}) =>
  summary({
    settings: readSettings(env, '/here'),
    url: 'http://127.0.0.1:8000',
    redis: { how: 'REDIS_URL redis://:***@host', version: '7.4.0' },
    postgres: { how: 'DATABASE_URL postgres://me:***@host/ledger', version: '18.4' },
    admin,
    warnings,
    seconds: 1.23,
    cwd: '/here',
  });

test.for([
  ['API        http://127.0.0.1:8000'],
  ['Docs       http://127.0.0.1:8000/docs'],
  ['Queues     http://127.0.0.1:8000/admin/queues  (admin key: .data/admin-key)'],
  ['Redis      7.4.0, REDIS_URL redis://:***@host'],
  ['Postgres   18.4, DATABASE_URL postgres://me:***@host/ledger'],
  ['Providers  openai: live, anthropic: sandbox'],
  ['Logs       .data/logs/{api,worker,sandbox}.log'],
  ['curl http://127.0.0.1:8000/v1/generate'],
  ['Ctrl-C stops everything'],
] as const)('tells: %s', ([line]) => {
  expect(told({ OPENAI_API_KEY: 'sk-secret' })).toContain(line);
});

test('tells the servers of the routing file', () => {
  const file = resolve(import.meta.dirname, '../../examples/routing.yaml');
  const row = 'Providers  openai: live, anthropic: off (no ANTHROPIC_API_KEY), groq: live, ollama: live';
  expect(told({ ROUTING_FILE: file, SANDBOX: 'off' })).toContain(row);
});

test('tells no secret', () => {
  const given = { key: 'adm-secret-01234567', where: 'ADMIN_API_KEY' };
  const env = { OPENAI_API_KEY: 'sk-secret', ADMIN_API_KEY: given.key, AUTH_MODE: 'keys' };
  expect(told(env, { admin: given })).not.toContain('secret');
  expect(told({ AUTH_MODE: 'keys' })).not.toContain('secret');
});

test('the pasted call says where its key comes from, and sends none where none is needed', () => {
  const given = { key: 'adm-secret-01234567', where: 'ADMIN_API_KEY' };
  const keys = { AUTH_MODE: 'keys' };
  const spaced = { ...generated, file: "/my data/it's/admin-key" };
  expect(told(keys)).toContain('-H "authorization: Bearer $(cat .data/admin-key)"');
  expect(told(keys, { admin: spaced })).toContain(`Bearer $(cat '/my data/it'\\''s/admin-key')"`);
  expect(told(keys, { admin: given })).toContain('-H "authorization: Bearer $ADMIN_API_KEY"');
  expect(told({})).not.toContain('authorization');
});

test('the pasted call names a model that is served', () => {
  expect(told({})).toContain('"model": "gpt-4o"');
  expect(told({ SANDBOX: 'off', OPENAI_API_KEY: 'k' })).toContain('"model": "gpt-4o"');
  expect(told({ SANDBOX: 'off', ANTHROPIC_API_KEY: 'k' })).toContain('"model": "claude-sonnet-4-5"');
});

test('with nobody to serve there is no call to paste but what to set', () => {
  const nobody = told({ SANDBOX: 'off' });
  expect(nobody).toContain('No provider is served');
  expect(nobody).toContain('Set OPENAI_API_KEY or ANTHROPIC_API_KEY');
  expect(nobody).not.toContain('curl');
});

test('only logs that exist are listed', () => {
  expect(told({ SANDBOX: 'off' })).toContain('.data/logs/{api,worker}.log');
  expect(told({ SANDBOX_URL: 'http://elsewhere:1' })).toContain('.data/logs/{api,worker}.log');
  expect(told({ LOG_TO: 'stdout' })).toContain('Logs       here');
});

test('what the gateway finds amiss follows, a line each', () => {
  expect(told({}, { warnings: ['appendonly is off', 'two'] })).toContain(
    '\n  Warning    appendonly is off\n  Warning    two\n',
  );
});

test('a provider without key and sandbox is off', () => {
  expect(told({ OPENAI_API_KEY: 'k', SANDBOX: 'off' })).toContain('anthropic: off (no ANTHROPIC_API_KEY)');
});
