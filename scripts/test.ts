import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { summarize, type VitestReport } from './test-summary.ts';

const root = resolve(import.meta.dirname, '..');
const reportFile = join(root, '.cache', `vitest-${process.pid}.json`);
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];

function runVitest(args: string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn('vitest', ['run', ...reporters, ...args], { cwd: root, stdio: 'inherit' });
    // We stay for vitest's clean-up and for the last line.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
    child.on('error', (error) => {
      console.error(`vitest: ${error.message}`);
      resolve(1);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

function readReport(): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8')) as VitestReport;
  } catch {
    return; // vitest ended before it could write one
  } finally {
    rmSync(reportFile, { force: true });
  }
}

mkdirSync(join(root, '.cache'), { recursive: true });
const code = await runVitest(process.argv.slice(2));
const { line, ok } = summarize(readReport());
console.log(line);
process.exitCode = ok ? code : code || 1;
