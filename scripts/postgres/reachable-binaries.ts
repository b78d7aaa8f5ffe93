import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Home, mayReach } from './home.ts';

export interface Binaries {
  /** The programs are in its folder bin. */
  folder: string;
  /** They run from any place, so that a copy will do. */
  isMovable: boolean;
}

/** The folder of the programs, or of a copy of them where the user that runs them does not reach the original. */
export function reachableBinaries({ folder, isMovable }: Binaries, { path, user }: Home): string {
  const original = join(folder, 'bin');
  if (!user || mayReach(user, join(original, 'postgres'))) return original;
  if (!isMovable) throw new Error(`${original} is not open to the user Postgres runs as`);
  // Named for the path of the original, which has its version in it.
  const copy = join(path, `programs-${createHash('sha256').update(folder).digest('hex').slice(0, 10)}`);
  if (!existsSync(copy)) {
    const part = `${copy}.${process.pid}.part`;
    cpSync(folder, part, { recursive: true, verbatimSymlinks: true });
    spawnSync('chmod', ['-R', 'a+rX', part]);
    renameSync(part, copy); // complete or not there at all
    rmSync(part, { recursive: true, force: true });
  }
  return join(copy, 'bin');
}
