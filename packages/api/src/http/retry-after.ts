// The `openai` SDK 6 sleeps through any retry-after, later ones ignore it beyond a minute: both are told not to.
const patienceMaxMs = 60_000;

/** When to come again, rounded up so that who comes at the time told is admitted. */
export function retryAfterHeaders(waitMs: number): Record<string, string> {
  return {
    'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))),
    'retry-after-ms': String(Math.max(1, Math.ceil(waitMs))),
    ...(waitMs > patienceMaxMs ? { 'x-should-retry': 'false' } : {}),
  };
}
