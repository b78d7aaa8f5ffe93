import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';

test.for([
  ['no key', {}, 'start'],
  ['an empty key counts as none', { OPENAI_API_KEY: '', ANTHROPIC_API_KEY: 'k' }, 'start'],
  ['both keys', { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' }, 'off'],
  ['one that runs elsewhere', { SANDBOX_URL: 'http://sandbox:1' }, { url: 'http://sandbox:1' }],
  ['switched off', { SANDBOX: 'off' }, 'off'],
] as const)('sandbox: %s', ([, env, sandbox]) => {
  expect(readSettings(env, '/root').sandbox).toEqual(sandbox);
});

test('bad values are named, all of them, and not repeated', () => {
  const read = () => readSettings({ PORT: 'http', WORKERS: '0', LOG_TO: 'paper' }, '/root');
  for (const name of ['PORT', 'WORKERS', 'LOG_TO']) expect(read).toThrow(name);
  expect(read).not.toThrow('paper');
});

test('DATA_DIR is taken from the root of the project', () => {
  expect(readSettings({ DATA_DIR: 'elsewhere' }, '/root').dataDir).toBe('/root/elsewhere');
  expect(readSettings({}, '/root').dataDir).toBe('/root/.data');
});
