import { expect, test } from 'vitest';
import { withoutNulls } from './without-nulls.ts';

test.for([
  [
    { a: null, b: 0, c: { d: null, e: { f: null, g: { h: null } } } },
    { b: 0, c: { e: { g: { h: null } } } },
  ],
  [{ a: [null, { b: null }] }, { a: [null, { b: null }] }],
  [{}, {}],
  [null, null],
  ['text', 'text'],
  [
    [null, 1],
    [null, 1],
  ],
] as const)('%j becomes %j', ([body, bare]) => {
  expect(withoutNulls(body)).toEqual(bare);
});
