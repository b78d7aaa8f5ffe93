import { expect, test } from 'vitest';
import { digestOfSecret, hintOfSecret, isKeySecret, makeKeySecret } from './key-secret.ts';

test('a secret is 32 random bytes, in characters that every header and shell can carry', () => {
  const secrets = Array.from({ length: 50 }, makeKeySecret);
  expect(new Set(secrets).size).toBe(50);
  for (const secret of secrets) {
    expect(secret).toMatch(/^sk-gw-[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(secret.slice(6), 'base64url')).toHaveLength(32);
    expect(isKeySecret(secret)).toBe(true);
  }
});

test('what is kept of it is SHA-256 in hex, and its last four characters', () => {
  expect(digestOfSecret('sk-gw-abc')).toBe('4981e46da66e675def48e4315e39b71e01f8f2b2a2081c51753b021f2c177a39');
  expect(hintOfSecret('sk-gw-abcdefgh')).toBe('efgh');
});

test.for(['', 'sk-proj-abc', 'sk-ant-api03-abc', 'gw_admin_abc', 'SK-GW-abc', ' sk-gw-abc'])(
  '"%s" is another service\'s',
  (credential) => {
    expect(isKeySecret(credential)).toBe(false);
  },
);
