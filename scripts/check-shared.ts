import { existsSync, readdirSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { reachedFiles } from './lint/reached-files.ts';

const processes = ['api', 'worker'] as const;

/**
 * `shared` is for what both processes reach today, and nothing else: a folder that one of them alone reaches
 * belongs into that one's package. An empty list means that all is well.
 */
export function checkShared(root: string): string[] {
  const shared = join(root, 'packages/shared/src');
  const reachedBy = processes.map((name) => {
    const entry = `packages/${name}/src/main.ts`;
    if (!existsSync(join(root, entry))) throw new Error(`${entry} is missing: nothing could be checked`);
    return { name, files: [...reachedFiles(root, entry)] };
  });
  const folders = readdirSync(shared, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.flatMap(({ name: folder }) => {
    const inside = join(shared, folder) + sep;
    const users = reachedBy.filter(({ files }) => files.some((file) => file.startsWith(inside)));
    if (users.length === processes.length) return [];
    const who = users[0] ? `only the ${users[0].name} reaches it: move it there` : 'no process reaches it: remove it';
    return [`packages/shared/src/${folder}: ${who}`];
  });
}

if (import.meta.main) {
  const faults = checkShared(resolve(import.meta.dirname, '..'));
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
