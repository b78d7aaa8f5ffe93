import fc from 'fast-check';
import { expect, test } from 'vitest';
import { growObject } from './grow-object.ts';
import type { JsonObject } from './json-object.ts';

const grown = (...pieces: JsonObject[]) => {
  const object: JsonObject = {};
  for (const piece of pieces) growObject(object, piece);
  return object;
};

test.for<[string, JsonObject[], JsonObject]>([
  ['a label stands as it was said first', [{ role: 'assistant' }, { role: 'assistant' }], { role: 'assistant' }],
  ['a label is not taken back', [{ id: 'call_1' }, { id: '' }, { id: null }], { id: 'call_1' }],
  [
    'what is written grows, be a piece like the text so far',
    [{ content: 'ha' }, { content: 'ha' }],
    { content: 'haha' },
  ],
  ['null says nothing new', [{ refusal: 'No' }, { refusal: null }], { refusal: 'No' }],
  ['null alone is told', [{ refusal: null }], { refusal: null }],
  ['and is no hindrance', [{ content: null }, { content: 'Hi' }], { content: 'Hi' }],
  ['an unknown text that is said again is a label', [{ x: 'same' }, { x: 'same' }], { x: 'same' }],
  ['any other goes on', [{ x: 'one ' }, { x: 'two' }], { x: 'one two' }],
  [
    'of numbers the last one stands',
    [
      { x: 1, y: true },
      { x: 2, y: false },
    ],
    { x: 2, y: false },
  ],
  ['objects are merged', [{ x: { a: 1 } }, { x: { b: { c: 2 } } }], { x: { a: 1, b: { c: 2 } } }],
  ['lists go on at their ends', [{ x: [1] }, { x: [{ y: 2 }] }], { x: [1, { y: 2 }] }],
  [
    'entries with a number go on with those of that number',
    [{ x: [{ index: 0, text: 'a' }] }, { x: [{ index: 1, text: 'b' }] }, { x: [{ index: 0, text: 'c' }] }],
    {
      x: [
        { index: 0, text: 'ac' },
        { index: 1, text: 'b' },
      ],
    },
  ],
  [
    'unless they are something else, on a server that numbers all of them 0',
    [{ x: [{ index: 0, id: 'a', text: '1' }] }, { x: [{ index: 0, id: 'b' }] }, { x: [{ index: 0, text: '2' }] }],
    {
      x: [
        { index: 0, id: 'a', text: '1' },
        { index: 0, id: 'b', text: '2' },
      ],
    },
  ],
  ['a member that turns out to be of another kind is what it was last', [{ x: 'a' }, { x: { b: 1 } }], { x: { b: 1 } }],
])('%s', ([, pieces, whole]) => {
  expect(grown(...pieces)).toEqual(whole);
});

test('a piece is never changed, nor any prototype', () => {
  const first = { x: { list: [{ index: 0, text: 'a' }] } };
  grown(first, { x: { list: [{ index: 0, text: 'b' }] } });
  expect(first).toEqual({ x: { list: [{ index: 0, text: 'a' }] } });
  const hostile = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}');
  expect(Object.getPrototypeOf(grown(hostile, hostile))).toBe(Object.prototype);
  expect({}).not.toHaveProperty('polluted');
});

test('one piece alone is what it says', () => {
  const json = fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(json, (piece) => {
      // Entries of one number are one entry: nothing else may be changed.
      fc.pre(!JSON.stringify(piece).includes('"index"'));
      expect(JSON.stringify(grown(piece as JsonObject))).toBe(JSON.stringify(piece));
    }),
  );
});
