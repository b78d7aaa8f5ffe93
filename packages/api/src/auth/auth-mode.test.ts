import { expect, test } from 'vitest';
import { type AuthConfig, decideAuthMode } from './auth-mode.ts';

const adminKey = 'a-key-of-enough-length';

const decide = (HOST: string, more: Partial<AuthConfig>) => () => decideAuthMode({ HOST, ...more });

test.for([
  ['127.0.0.1', {}, 'open'],
  ['127.8.0.1', {}, 'open'],
  ['localhost', { ADMIN_API_KEY: adminKey }, 'open'],
  ['::1', {}, 'open'],
  ['127.0.0.1', { NODE_ENV: 'development' }, 'open'],
  ['127.0.0.1', { AUTH_MODE: 'keys', ADMIN_API_KEY: adminKey }, 'keys'],
  ['127.0.0.1', { NODE_ENV: 'production', ADMIN_API_KEY: adminKey }, 'keys'],
  ['127.0.0.1', { NODE_ENV: 'production', AUTH_MODE: 'open' }, 'open'],
  ['0.0.0.0', { ADMIN_API_KEY: adminKey }, 'keys'],
  ['0.0.0.0', { AUTH_MODE: 'open' }, 'open'],
] as const)('%s with %o is %s', ([host, more, mode]) => {
  expect(decide(host, more)()).toBe(mode);
});

test.for([
  ['0.0.0.0', {}],
  ['::', {}],
  ['127.example.com', {}],
  ['127.0.0.1', { AUTH_MODE: 'keys' }],
  ['127.0.0.1', { NODE_ENV: 'production' }],
] as const)('%s with %o and no admin key does not start', ([host, more]) => {
  expect(decide(host, more)).toThrow(/ADMIN_API_KEY: is required/);
});
