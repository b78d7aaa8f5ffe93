import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, digestOf } from './canonical-json.ts';

test('the order of members does not matter, at any depth', () => {
  expect(canonicalJson({ b: [{ d: 1, c: null }], a: 'x' })).toBe('{"a":"x","b":[{"c":null,"d":1}]}');
  expect(digestOf({ a: 1, b: 2 })).toBe(digestOf({ b: 2, a: 1 }));
});

test('an undefined member is no member', () => {
  expect(canonicalJson({ a: 1, b: undefined })).toBe('{"a":1}');
});

test('it is JSON of the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('different values have different texts', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
      fc.pre(JSON.stringify(JSON.parse(canonicalJson(left))) !== JSON.stringify(JSON.parse(canonicalJson(right))));
      expect(canonicalJson(left)).not.toBe(canonicalJson(right));
    }),
  );
});
