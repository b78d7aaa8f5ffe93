import { expect, test } from 'vitest';
import { parseIdempotencyKey } from './idempotency-key.ts';

test('none is none', () => {
  expect(parseIdempotencyKey(undefined)).toBeUndefined();
});

test.for([
  ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ['a', 'a'],
  ['"a"', 'a'],
  ['a,b;c=d', 'a,b;c=d'],
  [String.raw`"a\"b\\c"`, String.raw`a"b\c`],
  [String.raw`a\"b`, String.raw`a\"b`],
  ['"half', '"half'],
  ['~!', '~!'],
  ['k'.repeat(255), 'k'.repeat(255)],
  [`"${'k'.repeat(255)}"`, 'k'.repeat(255)],
] as const)('%s is %s', ([header, key]) => {
  expect(parseIdempotencyKey(header)).toBe(key);
});

test.for([
  ['nothing', ''],
  ['an empty string', '""'],
  ['a space', 'a b'],
  ['a space in quotes', '"a b"'],
  ['two headers, which Node joins', 'a, b'],
  ['a letter beyond ASCII', 'schlüssel'],
  ['a control character', 'a\u0007'],
  ['256 characters', 'k'.repeat(256)],
  ['256 characters in quotes', `"${'k'.repeat(256)}"`],
] as const)('%s is refused and named', ([, header]) => {
  expect(() => parseIdempotencyKey(header)).toThrow(
    expect.objectContaining({
      failure: expect.objectContaining({ code: 'malformed_request', field: 'idempotency-key' }),
    }),
  );
});
