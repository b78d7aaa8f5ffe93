import { expect, test } from 'vitest';
import { createSeldom } from './seldom.ts';

test('each kind is told once in the interval', () => {
  const mayTell = createSeldom(5_000);
  expect([mayTell('a', 0), mayTell('b', 0), mayTell('a', 4_999), mayTell('a', 5_000), mayTell('a', 5_001)]).toEqual([
    true,
    true,
    false,
    true,
    false,
  ]);
});
