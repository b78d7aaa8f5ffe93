import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Makes the data folder and sees that it can be written to. Throws one sentence that names DATA_DIR. */
export function prepareDataDir(dataDir: string): void {
  try {
    makeFolder(dataDir);
    // The rights alone do not tell: root has them all, also where nothing can be made.
    rmdirSync(mkdtempSync(join(dataDir, '.probe-')));
  } catch (error) {
    throw new Error(
      `DATA_DIR cannot be used: ${reason(error as Error, dataDir)}. Name a folder that can be written to.`,
    );
  }
}

/** One folder at a time: mkdir's own recursion spins for ever below /proc (Node 24.21). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is not a folder`);
    accessSync(folder, constants.W_OK | constants.X_OK);
    return;
  }
  const missing: string[] = [];
  for (let path = folder; !existsSync(path); path = dirname(path)) missing.unshift(path);
  for (const path of missing) mkdirOnce(path);
}

function mkdirOnce(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another start was faster
  }
}

function reason({ code, path, message }: NodeJS.ErrnoException, dataDir: string): string {
  const where = path?.startsWith(join(dataDir, '.probe-')) ? dataDir : (path ?? dataDir);
  if (code === 'ENOTDIR') return `a part of ${where} is a file`;
  if (code === 'EROFS') return `${where} is on a read-only file system`;
  if (code === 'EACCES' || code === 'EPERM') return `we may not write to ${where}`;
  if (code === 'ENOENT') return `${where} cannot be made`;
  return code ? `${where}: ${code}` : message;
}
