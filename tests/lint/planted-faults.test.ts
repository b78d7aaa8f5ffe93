import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** One fault each, where our rules must find it. A linter that looks at nothing reports nothing as well. */
const faults = {
  'an import circle': ['packages/api/src/circle-one.ts', 'noImportCycles'],
  'Fastify in shared': ['packages/shared/src/queue/server.ts', 'noRestrictedImports'],
  'the queue in a pure folder': ['packages/worker/src/resilience/decide.ts', 'noRestrictedImports'],
  'admission that reaches into routes': ['packages/api/src/admission/back.ts', 'noRestrictedImports'],
  'a provider that settles': ['packages/worker/src/providers/openai/settles.ts', 'noRestrictedImports'],
  'a settlement that calls': ['packages/worker/src/settlement/calls.ts', 'noRestrictedImports'],
  'one of ours in the sandbox': ['packages/sandbox/src/app.ts', 'noRestrictedImports'],
  any: ['packages/api/src/loose.ts', 'noExplicitAny'],
  'an enum': ['packages/api/src/colour.ts', 'noEnum'],
  'the environment': ['packages/api/src/settings.ts', 'noProcessEnv'],
  'a barrel': ['packages/api/src/barrel.ts', 'noBarrelFile'],
  'an over-long file': ['packages/api/src/long-file.ts', 'noExcessiveLinesPerFile'],
  'an over-long function': ['packages/api/src/long-function.ts', 'noExcessiveLinesPerFunction'],
  'a bad file name': ['packages/api/src/badName.ts', 'useFilenamingConvention'],
  'an assertion against null': ['packages/api/src/certain.ts', 'noNonNullAssertion'],
} as const;

const sources: Record<string, string> = {
  'packages/api/src/circle-one.ts': "import { two } from './circle-two.ts';\nexport const one = () => two();\n",
  'packages/api/src/circle-two.ts':
    "import { one } from './circle-one.ts';\nexport const two = (): unknown => one();\n",
  'packages/shared/src/queue/server.ts': "import fastify from 'fastify';\nexport const server = fastify();\n",
  'packages/worker/src/resilience/decide.ts': "import { Queue } from 'bullmq';\nexport const queue = new Queue('q');\n",
  'packages/api/src/admission/back.ts': "import { routes } from '../routes/index.ts';\nexport const back = routes;\n",
  'packages/api/src/routes/index.ts': 'export const routes = 1;\n',
  'packages/worker/src/providers/openai/settles.ts':
    "import { settle } from '../../settlement/calls.ts';\nexport const settles = settle;\n",
  'packages/worker/src/settlement/calls.ts':
    "import { call } from '../providers/call.ts';\nexport const settle = call;\n",
  'packages/worker/src/providers/call.ts': 'export const call = 1;\n',
  'packages/sandbox/src/app.ts': "import { key } from '@llm-gateway/shared/redis/keys';\nexport const mine = key;\n",
  'packages/api/src/loose.ts': 'export const loose = (value: any) => value;\n',
  'packages/api/src/colour.ts': "export enum Colour {\n  Red = 'red',\n}\n",
  'packages/api/src/settings.ts': 'export const home = process.env.HOME;\n',
  'packages/api/src/barrel.ts': "export { loose } from './loose.ts';\nexport { home } from './settings.ts';\n",
  'packages/api/src/long-file.ts': Array.from({ length: 301 }, (_, i) => `export const n${i} = ${i};\n`).join(''),
  'packages/api/src/long-function.ts': `export function long(): void {\n${'  console.log(1);\n'.repeat(61)}}\n`,
  'packages/api/src/badName.ts': 'export const bad = 1;\n',
  'packages/api/src/certain.ts': 'export const sure = (text?: string) => text!.length;\n',
  'packages/api/src/clean.ts': 'export const clean = 1;\n',
};

interface Diagnostic {
  category: string;
  location: { path: string | { file: string } };
}

let folder: string;
let found: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-gateway-planted-'));
  for (const file of ['biome.jsonc', '.gitignore']) cpSync(join(root, file), join(folder, file));
  for (const [name, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  execFileSync('git', ['init', '-q'], { cwd: folder });
  const biome = join(root, 'node_modules/.bin/biome');
  const { stdout } = spawnSync(biome, ['lint', '--reporter=json', '--max-diagnostics=none', '.'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] };
  found = diagnostics.map(({ category, location: { path } }) => {
    return `${typeof path === 'string' ? path : path.file} ${category.split('/').at(-1)}`;
  });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test.for(Object.entries(faults))('%s is found', ([, [file, rule]]) => {
  expect(found).toContain(`${file} ${rule}`);
});

test('what is clean is left alone', () => {
  expect(found.filter((line) => line.startsWith('packages/api/src/clean.ts'))).toEqual([]);
});
