import { expect, test } from 'vitest';
import { isLoopback } from './is-loopback.ts';

test.for([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['localhost', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.example.org', false],
  ['127.example.com', false],
] as const)('%s is loopback: %s', ([host, loopback]) => {
  expect(isLoopback(host)).toBe(loopback);
});
