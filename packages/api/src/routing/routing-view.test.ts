import { expect, test } from 'vitest';
import { viewRouting } from './routing-view.ts';

const state = { version: 'abc', loadedAtMs: 0, refused: { atMs: 1000, faults: ['models.a: is wrong'] } };

test('without a file there is nothing to see', () => {
  expect(viewRouting(undefined, true)).toBeNull();
});

test('what is wrong with the file is for the operator to see', () => {
  const seen = { version: 'abc', loaded_at: '1970-01-01T00:00:00.000Z' };
  expect(viewRouting(state, true)).toEqual({
    ...seen,
    refused: { at: '1970-01-01T00:00:01.000Z', faults: ['models.a: is wrong'] },
  });
  expect(viewRouting(state, false)).toEqual({ ...seen, refused: null });
});
