import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Delta } from './content.ts';
import { deltasOfParts, mergeDeltas, partsOfDeltas, visibleText, writtenText } from './deltas.ts';

const text = (said: string): Delta => ({ type: 'text', text: said });

const anyDelta = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text: fc.string() }),
  fc.record({ type: fc.constant('refusal' as const), text: fc.string() }),
  fc.record({ type: fc.constant('reasoning' as const), text: fc.string() }),
);

/** Calls one after the other, as providers send them: named first, then their arguments bit by bit. */
const anyCalls = fc
  .array(fc.array(fc.string()), { maxLength: 3 })
  .map((calls) =>
    calls.flatMap((pieces, index): Delta[] => [
      { type: 'tool-call', index, id: `call_${index}`, name: `tool_${index}`, arguments: '' },
      ...pieces.map((piece): Delta => ({ type: 'tool-call', index, arguments: piece })),
    ]),
  );

const anyDeltas = fc.tuple(fc.array(anyDelta), anyCalls).map(([texts, calls]): Delta[] => [...texts, ...calls]);

test('merging keeps what was said, and is done once', () => {
  fc.assert(
    fc.property(anyDeltas, (deltas) => {
      const merged = mergeDeltas(deltas);
      expect(partsOfDeltas(merged)).toEqual(partsOfDeltas(deltas));
      expect(merged.map(writtenText).join('')).toBe(deltas.map(writtenText).join(''));
      expect(visibleText(merged)).toBe(visibleText(deltas));
      expect(mergeDeltas(merged)).toEqual(merged);
    }),
  );
});

test('parts come back from their deltas', () => {
  fc.assert(
    fc.property(anyDeltas, (deltas) => {
      const parts = partsOfDeltas(deltas);
      expect(partsOfDeltas(deltasOfParts(parts))).toEqual(parts);
    }),
  );
});

test.for<[string, Delta[], Delta[]]>([
  ['neighbours are one', [text('a'), text('b')], [text('ab')]],
  [
    'another choice is another text',
    [text('a'), { type: 'text', text: 'b', choice: 1 }, text('c')],
    [text('a'), { type: 'text', text: 'b', choice: 1 }, text('c')],
  ],
  [
    'a signature ends its reasoning',
    [
      { type: 'reasoning', text: 'a' },
      { type: 'reasoning', text: '', signature: 's' },
      { type: 'reasoning', text: 'b' },
    ],
    [
      { type: 'reasoning', text: 'a', signature: 's' },
      { type: 'reasoning', text: 'b' },
    ],
  ],
  [
    'a call with an id of its own is another call',
    [
      { type: 'tool-call', index: 0, id: 'a', name: 'n', arguments: '' },
      { type: 'tool-call', index: 0, arguments: '{}' },
      { type: 'tool-call', index: 1, id: 'b', name: 'n', arguments: '' },
    ],
    [
      { type: 'tool-call', index: 0, id: 'a', name: 'n', arguments: '{}' },
      { type: 'tool-call', index: 1, id: 'b', name: 'n', arguments: '' },
    ],
  ],
])('%s', ([, deltas, merged]) => {
  expect(mergeDeltas(deltas)).toEqual(merged);
});

test('only the first choice has parts', () => {
  expect(partsOfDeltas([text('a'), { type: 'text', text: 'b', choice: 1 }])).toEqual([{ type: 'text', text: 'a' }]);
});
