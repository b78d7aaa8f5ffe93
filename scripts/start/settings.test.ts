import { expect, test } from 'vitest';
import { isLoopback, readSettings } from './settings.ts';

test.for([
  ['no key', {}, 'start'],
  ['an empty key counts as none', { OPENAI_API_KEY: '', ANTHROPIC_API_KEY: 'k' }, 'start'],
  ['both keys', { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' }, 'off'],
  ['one that runs elsewhere', { SANDBOX_URL: 'http://sandbox:1' }, { url: 'http://sandbox:1' }],
  ['switched off', { SANDBOX: 'off' }, 'off'],
] as const)('sandbox: %s', ([, env, sandbox]) => {
  expect(readSettings(env, '/root').sandbox).toEqual(sandbox);
});

test.for([
  [{ PORT: 'http' }, 'PORT must be a whole number from 0 to 65535, not "http"'],
  [{ WORKERS: '0' }, 'WORKERS must be a whole number from 1 to 64, not "0"'],
  [{ LOG_TO: 'paper' }, 'LOG_TO must be file or stdout, not "paper"'],
] as const)('a bad value is named: %j', ([env, message]) => {
  expect(() => readSettings(env, '/root')).toThrow(message);
});

test('DATA_DIR is taken from the root of the project', () => {
  expect(readSettings({ DATA_DIR: 'elsewhere' }, '/root').dataDir).toBe('/root/elsewhere');
  expect(readSettings({}, '/root').dataDir).toBe('/root/.data');
});

test.for([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['localhost', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['127.0.0.1.example.org', false],
] as const)('%s is loopback: %s', ([host, loopback]) => {
  expect(isLoopback(host)).toBe(loopback);
});
