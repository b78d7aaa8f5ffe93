import { expect, test } from 'vitest';
import { parsePrefer } from './prefer.ts';

test.for([
  [undefined, { respondAsync: false }],
  ['respond-async', { respondAsync: true }],
  ['Respond-Async, wait=10', { respondAsync: true, waitS: 10 }],
  ['wait="5"', { respondAsync: false, waitS: 5 }],
  ['wait=0', { respondAsync: false, waitS: 0 }],
  ['wait=soon, return=minimal', { respondAsync: false, isMinimal: true }],
  ['return=representation', { respondAsync: false }],
  ['wait=3, wait=9', { respondAsync: false, waitS: 3 }],
  ['wait=10000000000', { respondAsync: false, waitS: 10_000_000_000 }],
  ['wait=-1', { respondAsync: false }],
  ['handling=strict; foo, wait=7', { respondAsync: false, isStrict: true, waitS: 7 }],
  ['handling=lenient, respond-async', { respondAsync: true }],
  ['HANDLING = Strict', { respondAsync: false, isStrict: true }],
] as const)('%s', ([header, preferences]) => {
  expect(parsePrefer(header)).toEqual(preferences);
});
