import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readServerState } from '../servers/server-state.ts';
import type { User } from './run-as.ts';

/** Where a server of ours keeps its data. */
export interface Home {
  path: string;
  /** Who it runs as, when not as we do. */
  user?: User;
}

/** Postgres refuses to run as root. The ids are set on the child alone; no user is made. */
const nobody: User = { uid: 65_534, gid: 65_534 };

/**
 * The folder `dir`. When we are root and it lies where no other user comes (below /root for instance), a folder in the
 * temporary one, the same at every start.
 */
export function findHome(dir: string): Home {
  if (process.getuid?.() !== 0) return { path: dir };
  chmodSync(dir, 0o711);
  const path = homeElsewhere(dir) ?? (mayReach(nobody, dir) ? dir : makeHomeElsewhere());
  return { path, user: ownerOf(join(path, 'data', 'PG_VERSION')) ?? nobody };
}

/** Whether `path`, a folder or a program, can be used by that user. */
export const mayReach = (user: User, path: string): boolean =>
  spawnSync('test', ['-x', path], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;

function homeElsewhere(dir: string): string | undefined {
  const home = readServerState(dir)?.home;
  return home && isOurs(home) ? home : undefined;
}

/**
 * A restart of the machine empties the temporary folder, and then anybody can make one of that name: with links in it to
 * files that we would overwrite as root, and programs that we would run.
 */
function isOurs(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

function makeHomeElsewhere(): string {
  const path = mkdtempSync(join(tmpdir(), 'llm-gateway-postgres-'));
  chmodSync(path, 0o711);
  if (!mayReach(nobody, path)) throw new Error(`neither DATA_DIR nor ${path} is open to the user Postgres runs as`);
  return path;
}

/** Data that a container, or a start by another user, has made is served by its owner: Postgres insists on it. */
function ownerOf(file: string): User | undefined {
  if (!existsSync(file)) return;
  const { uid, gid } = statSync(file);
  return uid === 0 ? undefined : { uid, gid };
}
