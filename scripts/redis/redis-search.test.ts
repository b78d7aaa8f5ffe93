import { expect, test } from 'vitest';
import { isSupported } from './ask-server.ts';

test.for([
  ['7.0.15', true],
  ['6.2.0', true],
  ['6.0.16', false],
  ['5.9.9', false],
  ['10.0.0', true],
  ['valkey 8.1.0', true],
] as const)('version %s is supported: %s', ([version, supported]) => {
  expect(isSupported(version)).toBe(supported);
});
