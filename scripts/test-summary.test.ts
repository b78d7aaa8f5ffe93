import { expect, test } from 'vitest';
import { summarize, type VitestReport } from './test-summary.ts';

const report = (changes: Partial<VitestReport>): VitestReport => ({
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
  ...changes,
});

test.for([
  ['all passed', report({}), '3 passed, 0 failed', true],
  ['one failed', report({ numFailedTests: 1 }), '3 passed, 1 failed', false],
  ['some skipped', report({ numPendingTests: 2, numTodoTests: 1 }), '3 passed, 0 failed, 3 skipped', true],
  [
    'a file did not load',
    report({ testResults: [{ status: 'failed', assertionResults: [] }] }),
    '3 passed, 1 failed',
    false,
  ],
  ['nothing ran', report({ numPassedTests: 0 }), '0 passed, 0 failed', false],
  ['vitest wrote no report', undefined, '0 passed, 1 failed', false],
] as const)('%s', ([, given, line, ok]) => {
  expect(summarize(given)).toEqual({ line, ok });
});
