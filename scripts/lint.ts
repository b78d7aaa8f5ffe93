import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { checkShared } from './check-shared.ts';
import { searchForbiddenText } from './lint/forbidden-text.ts';

const root = resolve(import.meta.dirname, '..');
const run = promisify(execFile);

interface Check {
  name: string;
  /** What is wrong, as text for the reader; empty when nothing is. */
  faults(): Promise<string> | string;
}

function tool(name: string, command: string, args: string[]): Check {
  return {
    name,
    async faults() {
      const failed = await run(command, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 }).then(
        () => undefined,
        (error: { stdout?: string; stderr?: string; message: string }) => error,
      );
      return failed ? `${failed.stdout ?? ''}${failed.stderr ?? ''}` || failed.message : '';
    },
  };
}

const checks: Check[] = [
  tool('biome', 'biome', ['check', '.']),
  tool('knip', 'knip', []),
  tool('configuration docs', process.execPath, ['scripts/env-example.ts', '--check']),
  { name: 'shared', faults: () => checkShared(root).join('\n') },
  { name: 'forbidden text', faults: () => searchForbiddenText(root).join('\n') },
];

const results = await Promise.all(checks.map(async ({ name, faults }) => ({ name, found: await faults() })));
for (const { name, found } of results) {
  console.log(found ? `✗ ${name}\n${found}` : `✓ ${name}`);
}
const failed = results.filter(({ found }) => found).map(({ name }) => name);
if (failed.length > 0) console.error(`lint failed: ${failed.join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;
