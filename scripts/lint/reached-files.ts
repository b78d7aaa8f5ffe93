import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

// Type-only imports count: a type that only one process knows belongs to that process.
const importPattern = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g;
const sharedPrefix = '@llm-gateway/shared/';

/** Every source file of `root` that is reached from `entry` by imports of our own modules. */
export function reachedFiles(root: string, entry: string): Set<string> {
  const reached = new Set<string>();
  const waiting = [join(root, entry)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file) || !existsSync(file)) continue;
    reached.add(file);
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(importPattern)) {
      const target = resolveImport(root, file, specifier ?? '');
      if (target) waiting.push(target);
    }
  }
  return reached;
}

function resolveImport(root: string, from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return resolve(dirname(from), specifier);
  if (!specifier.startsWith(sharedPrefix)) return;
  return join(root, 'packages/shared/src', `${specifier.slice(sharedPrefix.length)}.ts`);
}
