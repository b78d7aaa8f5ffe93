import { createDatabase } from '@llm-gateway/testkit/create-database';
import { startProcess } from '@llm-gateway/testkit/start-process';
import { afterAll, expect, inject, test } from 'vitest';

const database = await createDatabase(inject('databaseUrl'));
afterAll(() => database.drop());

const stores = { REDIS_URL: inject('redisUrl'), DATABASE_URL: database.url };

test.for([
  ['listening for everybody without a key', { HOST: '0.0.0.0' }, 'ADMIN_API_KEY'],
  ['keys demanded but none given', { AUTH_MODE: 'keys' }, 'ADMIN_API_KEY'],
  ['a short admin key', { ADMIN_API_KEY: 'short' }, 'ADMIN_API_KEY: must have at least 16 characters'],
  ['no database', { DATABASE_URL: '' }, 'DATABASE_URL'],
  ['several bad variables', { PORT: 'http', LOG_LEVEL: 'loud' }, 'PORT'],
  ['several bad variables, the second', { PORT: 'http', LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
] as const)('the api does not start with %s, and says why', async ([, environment, named]) => {
  const refused = startProcess('api', { ...stores, PORT: '0', ...environment });
  await expect(refused).rejects.toThrow(named);
  await expect(refused).rejects.not.toThrow(/\n\s+at /);
});

test('a bad value is not repeated, for it may be a secret', async () => {
  const refused = startProcess('api', { ...stores, ADMIN_API_KEY: 'tooshort' });
  await expect(refused).rejects.not.toThrow('tooshort');
});

test('a port in use is named', async () => {
  const first = await startProcess('api', { ...stores, PORT: '0', KEY_PREFIX: 'test-port' });
  try {
    await expect(startProcess('api', { ...stores, PORT: new URL(first.url).port })).rejects.toThrow('EADDRINUSE');
  } finally {
    await first.stop('SIGKILL');
  }
});

test('an empty variable counts as unset', async () => {
  const api = await startProcess('api', {
    ...stores,
    PORT: '0',
    ADMIN_API_KEY: '',
    CACHE_TTL_SECONDS: '',
    KEY_PREFIX: 'test-empty',
  });
  expect((await fetch(`${api.url}/health`)).status).toBe(200);
  expect(await api.stop('SIGTERM')).toBe(0);
});
