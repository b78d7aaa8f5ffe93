import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readServerState, writeServerState } from '../servers/server-state.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { isSupported } from './ask-server.ts';
import { findHome } from './home.ts';
import { settingArguments } from './server-settings.ts';

test.for([
  ['18.4', true],
  ['15.13', true],
  ['14.0', true],
  ['13.21', false],
  ['9.6.24', false],
  ['', false],
] as const)('version %s is supported: %s', ([version, supported]) => {
  expect(isSupported(version)).toBe(supported);
});

test('a server of ours is durable unless told otherwise, and its place is its own', () => {
  const durable = settingArguments('full', { listen_addresses: '127.0.0.1' });
  expect(durable.filter((_, index) => index % 2 === 0)).toEqual(durable.map(() => '-c').slice(durable.length / 2));
  expect(durable).toContain('listen_addresses=127.0.0.1');
  expect(durable.join()).not.toContain('fsync');
  expect(settingArguments('none', {})).toContain('fsync=off');
});

function withFolder(work: (folder: string) => void): void {
  const folder = temporaryFolder('llm-gateway-postgres-search');
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the state of a server is read as it was written, and a spoilt one is none', () => {
  withFolder((folder) => {
    const state = { password: 'p', port: 1, pid: 2, home: '/elsewhere' };
    writeServerState(folder, state);
    expect(readServerState(folder)).toEqual(state);
    writeFileSync(join(folder, 'server.json'), '{"password":');
    expect(readServerState(folder)).toBeUndefined();
  });
});

test.runIf(process.getuid?.() === 0)('run by root it keeps its data where they were asked for, as another user', () => {
  withFolder((folder) => {
    const dir = join(folder, 'postgres');
    mkdirSync(dir, { mode: 0o700 });
    expect(findHome(dir)).toEqual({ path: dir, user: { uid: 65_534, gid: 65_534 } });
  });
});

test.runIf(process.getuid?.() === 0).for<[string, (path: string, folder: string) => void]>([
  ["another user's folder", (path) => chownSync(path, 12_345, 12_345)],
  ['one that others write to', (path) => chmodSync(path, 0o777)],
  [
    'a link',
    (path, folder) => {
      rmSync(path, { recursive: true });
      symlinkSync(join(folder, 'elsewhere'), path);
    },
  ],
])('run by root it goes to no home that somebody may have put in its place: %s', ([, spoil]) => {
  withFolder((folder) => {
    const [dir, home] = [join(folder, 'postgres'), join(folder, 'home')];
    for (const path of [dir, home, join(folder, 'elsewhere')]) mkdirSync(path, { mode: 0o711 });
    writeServerState(dir, { password: 'p', port: 0, pid: 0, home });
    expect(findHome(dir).path).toBe(home);
    spoil(home, folder);
    expect(findHome(dir).path).toBe(dir);
  });
});

test.skipIf(process.getuid?.() === 0)('run by anybody else it keeps its data where they were asked for', () => {
  withFolder((folder) => expect(findHome(folder)).toEqual({ path: folder }));
});
