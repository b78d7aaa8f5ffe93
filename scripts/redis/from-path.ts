import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { binaryProgram, type RedisProgram } from './redis-program.ts';

export function onPath(binary: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, binary))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** A server this machine has installed, run as a child of ours beside whatever it runs itself. */
export function fromPath(): RedisProgram | string {
  for (const name of ['redis-server', 'valkey-server']) {
    const binary = onPath(name);
    if (binary) return binaryProgram(`${binary} as a private child`, binary);
  }
  return 'no redis-server or valkey-server on the PATH';
}
