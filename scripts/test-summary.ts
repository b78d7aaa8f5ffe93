/** The fields of vitest's JSON report that the last line is made of. */
export interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: unknown[] }[];
}

/** `N passed, N failed`: a file that did not load counts as one failure, and a run without a test is none. */
export function summarize(report: VitestReport | undefined): { line: string; ok: boolean } {
  if (!report) return { line: '0 passed, 1 failed', ok: false };
  const broken = report.testResults.filter(({ status, assertionResults }) => {
    return status === 'failed' && assertionResults.length === 0;
  });
  const failed = report.numFailedTests + broken.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  const line = `${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  return { line, ok: failed === 0 && report.numPassedTests > 0 };
}
