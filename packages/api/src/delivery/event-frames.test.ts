import fc from 'fast-check';
import { expect, test } from 'vitest';
import { entryFrame, snapshotFrame } from './event-frames.ts';

// Half of a surrogate pair has no UTF-8 of its own, and must come through as what it is all the same.
const anyText = fc.string({
  unit: fc.constantFrom(
    '\n',
    '\r',
    '\n\n',
    'data:',
    'event: job.completed',
    'id: 9',
    ':',
    '\0',
    '\ud800',
    '\u2028',
    '"',
    '\\',
    'é',
    '😀',
    ' ',
  ),
});

/** The fields of a frame, as the parser of an EventSource reads them from the bytes. */
const fieldsOf = (text: string) => {
  const lines = Buffer.from(text)
    .toString()
    .split(/\r\n|\r|\n/);
  return lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
};

test('whatever a model says is one frame, and cannot begin another one', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      for (const frame of [
        entryFrame('job_1', { sequence: 3, atMs: 0, event: { type: 'text-delta', text } }),
        snapshotFrame('job_1', 3, 0, { text }),
      ]) {
        const [id, event, data, ...rest] = fieldsOf(frame.text);
        expect(id).toEqual(['id', '3']);
        expect(event?.[0]).toBe('event');
        expect(JSON.parse(data?.[1] ?? '').text).toBe(text);
        expect(rest).toEqual([
          ['', ''],
          ['', ''],
        ]);
      }
    }),
  );
});
