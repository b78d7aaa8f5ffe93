import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';
import { summary } from './summary.ts';

const told = (env: NodeJS.ProcessEnv, adminKeyWhere = '/here/.data/admin-key') =>
  summary({
    settings: readSettings(env, '/here'),
    url: 'http://127.0.0.1:8000',
    redis: { how: 'REDIS_URL redis://:***@host', version: '7.4.0' },
    adminKeyWhere,
    seconds: 1.23,
    cwd: '/here',
  });

test.for([
  ['API        http://127.0.0.1:8000'],
  ['Docs       http://127.0.0.1:8000/docs'],
  ['Queues     http://127.0.0.1:8000/admin/queues  (admin key: .data/admin-key)'],
  ['Redis      7.4.0, REDIS_URL redis://:***@host'],
  ['Providers  openai: live, anthropic: sandbox'],
  ['Logs       .data/logs/{api,worker,sandbox}.log'],
  ['curl http://127.0.0.1:8000/v1/generate'],
  ['Ctrl-C stops everything'],
] as const)('tells: %s', ([line]) => {
  expect(told({ OPENAI_API_KEY: 'sk-secret' })).toContain(line);
});

test('tells no secret', () => {
  expect(told({ OPENAI_API_KEY: 'sk-secret', ADMIN_API_KEY: 'adm-secret-01234567' }, 'ADMIN_API_KEY')).not.toContain(
    'secret',
  );
});

test('a provider without key and sandbox is off', () => {
  expect(told({ OPENAI_API_KEY: 'k', SANDBOX: 'off' })).toContain('anthropic: off (no ANTHROPIC_API_KEY)');
});
