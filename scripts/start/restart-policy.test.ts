import { expect, test } from 'vitest';
import { createRestartPolicy } from './restart-policy.ts';

test('waits longer after each crash and gives up at the sixth within a minute', () => {
  const policy = createRestartPolicy();
  const delays = [0, 1, 2, 3, 4, 5].map((second) => policy.afterCrash(second * 1_000));
  expect(delays).toEqual([100, 200, 400, 800, 1_600, undefined]);
});

test('forgets crashes older than a minute', () => {
  const policy = createRestartPolicy();
  for (const second of [0, 1, 2, 3, 4]) policy.afterCrash(second * 1_000);
  expect(policy.afterCrash(65_000)).toBe(100);
});
