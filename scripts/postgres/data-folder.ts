import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerPlace } from '../servers/server-program.ts';
import { readServerState, writeServerState } from '../servers/server-state.ts';
import type { Home } from './home.ts';
import { runAs } from './run-as.ts';

/** The same on every machine and in every image, so that data may move between them. */
export const initdbLocale = ['--no-locale', '--encoding=UTF8'];

interface DataFolderOptions {
  /** The folder of the programs initdb and postgres. */
  bin: string;
  home: Home;
  place: ServerPlace;
}

/** The data of this home, which answer to the password of `place`: made when there are none. */
export async function openDataFolder(options: DataFolderOptions): Promise<string> {
  const { home, place } = options;
  const data = join(home.path, 'data');
  const knowsPassword = readServerState(place.dir)?.password === place.password;
  if (!existsSync(join(data, 'PG_VERSION'))) {
    remember(options); // before it becomes the password of the data
    await makeData(data, options);
  } else if (!knowsPassword) {
    await resetPassword(data, options);
    remember(options);
  }
  return data;
}

function remember({ home, place }: DataFolderOptions): void {
  const elsewhere = home.path === place.dir ? {} : { home: home.path };
  writeServerState(place.dir, { password: place.password, port: 0, pid: 0, ...elsewhere });
}

/** Made beside and moved into place when complete: a start that is killed in the middle leaves nothing half made. */
async function makeData(data: string, { bin, home, place }: DataFolderOptions): Promise<void> {
  const part = `${data}.part`;
  const passwordFile = join(home.path, 'initdb-password');
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { mode: 0o700 });
  writeFileSync(passwordFile, place.password, { mode: 0o600 });
  if (home.user) for (const path of [part, passwordFile]) chownSync(path, home.user.uid, home.user.gid);
  try {
    const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    await run(join(bin, 'initdb'), ['-D', part, ...access, ...initdbLocale], home);
    renameSync(part, data);
  } finally {
    for (const path of [part, passwordFile]) rmSync(path, { recursive: true, force: true });
  }
}

/** The state file is lost, and with it the password: whoever owns the files may set another one. */
function resetPassword(data: string, { bin, home, place }: DataFolderOptions): Promise<void> {
  const statement = `alter user postgres password '${place.password}'\n`;
  return run(join(bin, 'postgres'), ['--single', '-D', data, 'postgres'], home, statement);
}

/** Rejects with the last line the program has said, should it fail. */
function run(command: string, args: string[], home: Home, input = ''): Promise<void> {
  const { user, ...rest } = runAs(home.user, home.path);
  const child = spawn(command, args, { ...rest, ...user, stdio: ['pipe', 'ignore', 'pipe'] });
  const killIt = () => child.kill('SIGKILL');
  process.once('exit', killIt);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const words = said.trim().split('\n').at(-1) ?? '';
      if (code === 0) resolve();
      else reject(new Error(`${command} failed: ${words}`));
    });
  }).finally(() => process.off('exit', killIt));
}
