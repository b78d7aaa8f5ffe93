import { expect, test } from 'vitest';
import { createServiceRate } from './service-rate.ts';

const rateOf = (notes: [begun: number, atMs: number][]) => {
  const rate = createServiceRate();
  for (const [begun, atMs] of notes) rate.note(begun, atMs);
  return rate.perMs();
};

test.for([
  ['nothing has been seen', []],
  ['one look says nothing', [[5, 0]]],
  [
    'two looks within a second say too little',
    [
      [5, 0],
      [50, 999],
    ],
  ],
  [
    'nothing has moved',
    [
      [5, 0],
      [5, 30_000],
    ],
  ],
  [
    'a look of more than a minute ago is of another time',
    [
      [5, 0],
      [50, 60_001],
    ],
  ],
  [
    'the counter is another one since',
    [
      [50, 0],
      [5, 2000],
    ],
  ],
] as [string, [number, number][]][])('unknown: %s', ([, notes]) => {
  expect(rateOf(notes)).toBeUndefined();
});

test('is that of the last minute', () => {
  expect(
    rateOf([
      [0, 0],
      [20, 1000],
    ]),
  ).toBe(0.02);
  expect(
    rateOf([
      [0, 0],
      [1000, 30_000],
      [1300, 90_000],
    ]),
  ).toBe(0.005);
});
