import { expect, test } from 'vitest';
import { environments, sandboxEnvironment } from './environment.ts';
import { readSettings } from './settings.ts';

const base = {
  OPENAI_API_KEY: 'o',
  ANTHROPIC_API_KEY: '',
  ADMIN_API_KEY: 'an-admin-key-0123',
  WORKER_PORT: '9100',
  OTHER: 'kept',
};
const wired = environments({
  base,
  settings: readSettings(base, '/root'),
  redisUrl: 'redis://r',
  databaseUrl: 'postgres://p',
  sandboxUrl: 'http://s',
  adminKey: 'an-admin-key-0123',
});

test('the api gets no provider key', () => {
  expect(wired.api).toMatchObject({
    ADMIN_API_KEY: 'an-admin-key-0123',
    REDIS_URL: 'redis://r',
    DATABASE_URL: 'postgres://p',
    SANDBOX_URL: 'http://s',
    OTHER: 'kept',
  });
  expect(wired.api).not.toHaveProperty('OPENAI_API_KEY');
});

test('a worker gets no admin key, and no empty provider key', () => {
  expect(wired.worker(1)).toMatchObject({ OPENAI_API_KEY: 'o', DATABASE_URL: 'postgres://p', WORKER_PORT: '9101' });
  expect(wired.worker(1)).not.toHaveProperty('ADMIN_API_KEY');
  expect(wired.worker(1)).not.toHaveProperty('ANTHROPIC_API_KEY');
});

test('the sandbox gets no key at all, and no store', () => {
  expect(sandboxEnvironment({ ...base, REDIS_URL: 'r', DATABASE_URL: 'd' }, '0')).toEqual({
    WORKER_PORT: '9100',
    OTHER: 'kept',
    SANDBOX_HOST: '127.0.0.1',
    SANDBOX_PORT: '0',
  });
});
