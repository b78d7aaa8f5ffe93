/**
 * Lets one call in `intervalMs` through and counts the others: a Redis with a full disk was measured to raise
 * 4,500 errors a second, which would fill the log's disk next.
 */
export function throttle<T>(intervalMs: number, report: (value: T, skipped: number) => void): (value: T) => void {
  let nextAt = 0;
  let skipped = 0;
  return (value) => {
    const now = Date.now();
    if (now < nextAt) {
      skipped += 1;
      return;
    }
    nextAt = now + intervalMs;
    report(value, skipped);
    skipped = 0;
  };
}
