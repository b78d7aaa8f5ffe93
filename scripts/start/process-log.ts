import { fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type ErrorLine, errorLevels, errorLine } from './error-line.ts';
import { createSeldom } from './seldom.ts';

const bytesMax = 10 * 1024 * 1024;
const tailLinesMax = 20;
const sameErrorMs = 5_000;

/** Where the output of one kind of process goes: a file, with errors shown on the terminal as one line each. */
export interface ProcessLog {
  take(stdout: Readable | null, stderr: Readable | null): { stderrTail(): string[] };
}

export function openProcessLog(dir: string, name: string, show: (line: string) => void): ProcessLog {
  mkdirSync(dir, { recursive: true });
  const file = openSync(join(dir, `${name}.log`), 'a', 0o600);
  if (fstatSync(file).size > bytesMax) ftruncateSync(file);
  const mayTell = createSeldom(sameErrorMs);
  const showErrors = (block: Buffer) => {
    for (const { text, kind } of errorsIn(block)) {
      if (mayTell(kind)) show(`${name}: ${text}`);
    }
  };
  return {
    take(stdout, stderr) {
      const tail: string[] = [];
      // Written at once: a line must be on file when the process that wrote it is known to be dead.
      for (const stream of [stdout, stderr]) stream?.on('data', (chunk: Buffer) => writeSync(file, chunk));
      forEachBlock(stdout, showErrors);
      forEachBlock(stderr, (block) => {
        tail.push(...block.toString().split('\n').filter(Boolean));
        tail.splice(0, tail.length - tailLinesMax);
      });
      return { stderrTail: () => tail };
    },
  };
}

/** Whole lines, many at a time: nobody decodes what nobody looks at. */
function forEachBlock(stream: Readable | null, use: (block: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  stream?.on('data', (chunk: Buffer) => {
    const all = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const end = all.lastIndexOf('\n') + 1;
    rest = all.subarray(end);
    if (end > 0) use(all.subarray(0, end));
  });
}

function errorsIn(block: Buffer): ErrorLine[] {
  if (!errorLevels.some((level) => block.includes(`"level":"${level}"`))) return [];
  return block
    .toString()
    .split('\n')
    .flatMap((line) => errorLine(line) ?? []);
}
