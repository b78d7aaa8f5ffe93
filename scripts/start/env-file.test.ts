import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { envFileFaults, loadEnvFile } from './env-file.ts';

const root = resolve(import.meta.dirname, '../..');

test.for([
  [
    'a misspelt name',
    'OPENAI_API_KYE=sk-secret',
    ['OPENAI_API_KYE is not a variable of the gateway (see .env.example)'],
  ],
  ['a line without =', 'PORT=1\nOPENAI_API_KEY sk-secret', ['line 2 is not NAME=value']],
  ['YAML', 'OPENAI_API_KEY: sk-secret', ['line 1 is not NAME=value']],
  ['the tail of a secret', 'secretTail==', ['the name in line 1 is not a variable of the gateway (see .env.example)']],
  ['two of them', 'A_B=1\r\nC_D=2', [expect.stringMatching(/^A_B /), expect.stringMatching(/^C_D /)]],
] as const)('%s is told without its value', ([, text, faults]) => {
  expect(envFileFaults(text)).toEqual(faults);
  expect(envFileFaults(text).join()).not.toContain('secret');
});

test.for([
  ['comments, blank lines and empty values', '# a b c\n\n  # d\nPORT=\nHOST = ::1 # here'],
  ['export and quotes', `export PORT="80"\nADMIN_API_KEY='a b'`],
  ['a value of several lines', 'ADMIN_API_KEY="first\nsecond line\nthird"\nPORT=1'],
  ['what Node and compose read', 'NODE_OPTIONS=--x\nPUBLISH_PORT=1\nCOMPOSE_PROJECT_NAME=a'],
] as const)('%s are fine', ([, text]) => {
  expect(envFileFaults(text)).toEqual([]);
});

test('what the routing file refers to is known', () => {
  expect(envFileFaults('GROQ_API_KEY=1', ['GROQ_API_KEY'])).toEqual([]);
});

test('.env.example has no fault, with its lines taken in', () => {
  const example = readFileSync(resolve(root, '.env.example'), 'utf8');
  expect(envFileFaults(example.replace(/^# (?=[A-Z_0-9]+=)/gm, ''))).toEqual([]);
});

test('every variable that docker-compose.yml takes is known', () => {
  const taken = readFileSync(resolve(root, 'docker-compose.yml'), 'utf8').matchAll(/\$\{(\w+)/g);
  expect(envFileFaults([...taken].map(([, name]) => `${name}=1`).join('\n'))).toEqual([]);
});

test('a file is loaded and its faults are said; a missing file is none', () => {
  const dir = mkdtempSync(join(tmpdir(), 'llm-gateway-env-'));
  const said: string[] = [];
  try {
    loadEnvFile(join(dir, 'missing'), (line) => said.push(line));
    writeFileSync(join(dir, '.env'), 'OPENAI_API_KYE=abc\n');
    loadEnvFile(join(dir, '.env'), (line) => said.push(line));
    expect(process.env.OPENAI_API_KYE).toBe('abc');
    expect(said).toEqual(['.env: OPENAI_API_KYE is not a variable of the gateway (see .env.example)']);
  } finally {
    delete process.env.OPENAI_API_KYE;
    rmSync(dir, { recursive: true, force: true });
  }
});
