import { expect, test } from 'vitest';
import { retryAfterHeaders } from './retry-after.ts';

test.for([
  [0, '1', '1'],
  [1, '1', '1'],
  [1000, '1', '1000'],
  [1001, '2', '1001'],
  [60_000, '60', '60000'],
] as const)('%i ms to wait are told as %s s and never less', ([waitMs, seconds, milliseconds]) => {
  expect(retryAfterHeaders(waitMs)).toEqual({ 'retry-after': seconds, 'retry-after-ms': milliseconds });
});

test('beyond a minute an SDK is told not to retry by itself', () => {
  expect(retryAfterHeaders(60_001)).toEqual({
    'retry-after': '61',
    'retry-after-ms': '60001',
    'x-should-retry': 'false',
  });
});
