import { onPath } from '../servers/on-path.ts';
import type { ServerProgram } from '../servers/server-program.ts';
import { binaryProgram } from './redis-program.ts';

/** A server this machine has installed, run as a child of ours beside whatever it runs itself. */
export function fromPath(): ServerProgram | string {
  for (const name of ['redis-server', 'valkey-server']) {
    const binary = onPath(name);
    if (binary) return binaryProgram(`${binary} as a private child`, binary);
  }
  return 'no redis-server or valkey-server on the PATH';
}
