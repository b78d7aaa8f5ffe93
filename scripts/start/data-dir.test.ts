import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prepareDataDir } from './data-dir.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'llm-gateway-data-dir-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

test('missing folders are made, and nothing is left in them', () => {
  prepareDataDir(join(dir, 'a/b'));
  prepareDataDir(join(dir, 'a/b'));
  expect(readdirSync(join(dir, 'a/b'))).toEqual([]);
});

test('a file in its place, or in its path, is told', () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  expect(() => prepareDataDir(file)).toThrow(`DATA_DIR cannot be used: ${file} is not a folder`);
  expect(() => prepareDataDir(join(file, 'a/b'))).toThrow(/DATA_DIR cannot be used: a part of .* is a file/);
});

test.skipIf(!existsSync('/proc/self')).for(['/proc', '/proc/x', '/proc/x/y'])(
  '%s, where nothing can be made, is told at once',
  (path) => {
    expect(() => prepareDataDir(path)).toThrow(
      `DATA_DIR cannot be used: ${path === '/proc' ? path : '/proc/x'} cannot`,
    );
  },
);

// Of root too: what is below /sys is made by the kernel alone.
test.skipIf(!existsSync('/sys/kernel'))('a folder that is not ours to write to is told', () => {
  for (const path of ['/sys', '/sys/x']) {
    expect(() => prepareDataDir(path)).toThrow(
      /^DATA_DIR cannot be used: (we may not write to \/sys|\/sys.* read-only)/,
    );
  }
});
