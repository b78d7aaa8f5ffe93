import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { onPath } from '../servers/on-path.ts';
import type { ServerProgram } from '../servers/server-program.ts';
import { binaryProgram } from './redis-program.ts';

const run = promisify(execFile);
// redis-server is a link to the binary in redis-tools: both are needed even where one is installed.
const packages = ['redis-server', 'redis-tools'];

/** Debian and Ubuntu: the packages are fetched and unpacked into our own folder; nothing is installed, no root needed. */
export async function fromDebs(cache: string): Promise<ServerProgram | string> {
  const binary = join(cache, 'usr/bin/redis-server');
  if (!existsSync(binary)) {
    if (!onPath('apt-get') || !onPath('dpkg-deb')) return 'not a Debian or Ubuntu machine (no apt-get, no dpkg-deb)';
    const part = `${cache}.${process.pid}.part`;
    try {
      await unpackInto(part);
      rmSync(cache, { recursive: true, force: true });
      renameSync(part, cache); // complete or not there at all, also when two starts do this at once
    } catch (error) {
      if (!existsSync(binary)) return `the Debian packages could not be fetched: ${firstLine(error)}`;
    } finally {
      rmSync(part, { recursive: true, force: true });
    }
  }
  const libraries = globSync(join(cache, 'usr/lib/*-linux-gnu*')).join(':');
  const how = `Debian packages unpacked in ${relative(process.cwd(), cache) || cache}`;
  return binaryProgram(how, binary, { ...process.env, LD_LIBRARY_PATH: libraries });
}

async function unpackInto(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, '.apt/lists/partial'), { recursive: true });
  mkdirSync(join(folder, '.apt/cache/archives/partial'), { recursive: true });
  // The machine's own package lists first; a machine that has none (a fresh image) gets private ones.
  await download(folder, []).catch(async () => {
    const own = privateLists(join(folder, '.apt'));
    await run('apt-get', [...own, '-qq', 'update'], { timeout: 120_000 });
    await download(folder, own);
  });
  for (const file of globSync(join(folder, '*.deb'))) {
    await run('dpkg-deb', ['-x', file, folder]);
    rmSync(file);
  }
  rmSync(join(folder, '.apt'), { recursive: true, force: true });
}

async function download(folder: string, options: string[]): Promise<void> {
  const plan = await run('apt-get', [...options, '-s', '-qq', '--no-install-recommends', 'install', ...packages]);
  const missing = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name ?? '');
  const wanted = [...new Set([...packages, ...missing])];
  await run('apt-get', [...options, '-qq', 'download', ...wanted], { cwd: folder, timeout: 120_000 });
}

function privateLists(folder: string): string[] {
  const settings = [
    `Dir::State::lists=${folder}/lists`,
    `Dir::Cache=${folder}/cache`,
    `APT::Sandbox::User=${process.getuid?.() === 0 ? 'root' : ''}`,
    'Debug::NoLocking=1',
  ];
  return settings.flatMap((setting) => ['-o', setting]);
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr || message).trim().split('\n')[0] ?? '';
}
