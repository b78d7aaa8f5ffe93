import { expect, test } from 'vitest';
import { withoutNulls } from './without-nulls.ts';

test.for([
  [
    { a: null, b: 0, c: { d: null } },
    { b: 0, c: { d: null } },
  ],
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
