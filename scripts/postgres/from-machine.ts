import { spawnSync } from 'node:child_process';
import { existsSync, globSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onPath } from '../servers/on-path.ts';
import type { ServerProgram } from '../servers/server-program.ts';
import { isSupported, tooOld } from './ask-server.ts';
import { binaryProgram } from './binary-program.ts';
import type { Durability } from './server-settings.ts';

/** Where Debian, the Red Hat family and Homebrew keep servers that they do not put on the PATH. */
const hiddenPlaces = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin', '/opt/homebrew/opt/postgresql*/bin'];

/** The newest server this machine has installed, run as a child of ours beside whatever it runs itself. */
export function fromMachine(durability: Durability): ServerProgram | string {
  const listed = onPath('postgres');
  const folders = [...(listed ? [dirname(realpathSync(listed))] : []), ...globSync(hiddenPlaces)];
  const found = [...new Set(folders)]
    .filter((bin) => existsSync(join(bin, 'initdb')) && existsSync(join(bin, 'postgres')))
    .map((bin) => ({ bin, version: versionOf(bin) }))
    .sort((one, other) => Number.parseFloat(other.version) - Number.parseFloat(one.version))[0];
  if (!found) return 'no postgres and initdb on the PATH or where packages put them';
  if (!isSupported(found.version)) return `${found.bin}: ${tooOld(found.version)}`;
  const how = `${found.bin}/postgres as a private child`;
  return binaryProgram(how, { folder: dirname(found.bin), isMovable: false }, durability);
}

const versionOf = (bin: string): string =>
  /\d+(\.\d+)?/.exec(spawnSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[0] ?? '0';
