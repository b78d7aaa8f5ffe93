import { expect, test } from 'vitest';
import { decideAuthMode } from './auth-mode.ts';

const adminKey = 'a-key-of-enough-length';

test.for([
  ['127.0.0.1', undefined, undefined, 'open'],
  ['127.8.0.1', undefined, undefined, 'open'],
  ['localhost', undefined, adminKey, 'open'],
  ['::1', undefined, undefined, 'open'],
  ['127.0.0.1', 'keys', adminKey, 'keys'],
  ['0.0.0.0', undefined, adminKey, 'keys'],
  ['0.0.0.0', 'open', undefined, 'open'],
] as const)('%s with AUTH_MODE %s', ([host, wanted, key, mode]) => {
  expect(decideAuthMode(host, wanted, key)).toBe(mode);
});

test.for([
  ['0.0.0.0', undefined],
  ['::', undefined],
  ['127.example.com', undefined],
  ['127.0.0.1', 'keys'],
] as const)('%s with AUTH_MODE %s and no admin key does not start', ([host, wanted]) => {
  expect(() => decideAuthMode(host, wanted, undefined)).toThrow(/ADMIN_API_KEY/);
});
