import { expect, test } from 'vitest';
import { parseLogNotice } from './log-entry.ts';

const event = '{"type":"text-delta","text":"a [b]\\n"}';

test('a message brings its entries with their numbers and time', () => {
  expect(parseLogNotice(`7 1000 [${event},${event}]`)).toEqual({
    kind: 'entries',
    entries: [7, 8].map((sequence) => ({ sequence, atMs: 1000, event: { type: 'text-delta', text: 'a [b]\n' } })),
  });
  expect(parseLogNotice('moved')).toEqual({ kind: 'moved' });
});

test.for([
  ['nothing', ''],
  ['broken JSON', '7 1000 [{]'],
  ['an event that nobody knows', '7 1000 [{"type":"unheard-of"}]'],
  ['a number without end', `${'9'.repeat(30)} 1000 [${event}]`],
  // No date can be made of it, and who hears of it would fail in the middle of everybody's messages.
  ['a time beyond all times', `7 ${'9'.repeat(30)} [${event}]`],
])('%s is none of ours', ([, message]) => {
  expect(parseLogNotice(message ?? '')).toBeUndefined();
});
