import { expect, test } from 'vitest';
import { errorLine } from './error-line.ts';

test.for([
  ['{"level":"info","msg":"fine"}', undefined],
  ['{"level":"error","msg":"job failed","err":{"message":"no\\nroute"}}', 'job failed: no route'],
  ['{"level":"fatal","err":{"message":"gone"}}', 'gone'],
  ['{"level":"error","msg":"gone","err":{"message":"gone"}}', 'gone'],
  ['{"level":"error","event":"redis_down"}', 'redis_down'],
  ['{"level":"error"', undefined],
  ['plain text', undefined],
] as const)('%s', ([line, shown]) => {
  expect(errorLine(line)).toBe(shown);
});
