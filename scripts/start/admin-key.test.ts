import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { adminKey } from './admin-key.ts';
import { readSettings } from './settings.ts';

function keyFor(env: NodeJS.ProcessEnv) {
  const dataDir = mkdtempSync(join(tmpdir(), 'admin-key-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const settings = readSettings({ ...env, DATA_DIR: dataDir }, '/');
  return { key: adminKey(settings).key, again: adminKey(settings).key, files: readdirSync(dataDir) };
}

test('on loopback one is made, and stays the same', () => {
  const { key, again, files } = keyFor({});
  expect(key).toMatch(/^gw_admin_[\w-]{43}$/);
  expect(again).toBe(key);
  expect(files).toEqual(['admin-key']);
});

test.for([{ NODE_ENV: 'production' }, { HOST: '0.0.0.0' }])(
  'with %o none is made: the api does not start without one',
  (env) => {
    expect(keyFor(env)).toEqual({ key: undefined, again: undefined, files: [] });
  },
);

test('the one that is given goes before all', () => {
  const given = { ADMIN_API_KEY: 'an-admin-key-0123' };
  for (const env of [given, { ...given, NODE_ENV: 'production' }]) {
    expect(keyFor(env)).toMatchObject({ key: 'an-admin-key-0123', files: [] });
  }
});
