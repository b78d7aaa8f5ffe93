import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const rules = [
  {
    // Spelt so that the rule does not find itself.
    pattern: /(?:\/\/|\/\*|^\s*\*|^\s*--).*\b(?:TO[D]O|FIX[M]E)\b/,
    message: 'open ends belong into an issue, not into a comment',
  },
  {
    pattern: /\bvi\.(?:do)?[M]ock\(\s*(?:import\(\s*)?['"`](?:\.|@llm-gateway\/)/i,
    message: 'our own modules are not replaced in tests: pass the part in, or use the real one',
  },
];

/** Lines that no linter rule of ours forbids and that we do not want, as `file:line: reason`. */
export function forbiddenText(file: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const broken = rules.filter(({ pattern }) => pattern.test(line));
    return broken.map(({ message }) => `${file}:${index + 1}: ${message}`);
  });
}

export function searchForbiddenText(root: string): string[] {
  const files = globSync('{packages,scripts,tests,bench,deploy}/**/*.{ts,mjs,lua,yml}', {
    cwd: root,
    exclude: (name) => name.includes('node_modules'),
  });
  return files.flatMap((file) => forbiddenText(file, readFileSync(join(root, file), 'utf8')));
}
