import { expect, test } from 'vitest';
import { SseWriter } from './sse-writer.ts';

const event = { type: 'response.created', sequence_number: 0, more: 1e21 };

test.for([
  ['as it came', '{"type":"response.created","sequence_number":0,"more":1.0e21}'],
  ['on one line, if it came on several', JSON.stringify(event), JSON.stringify(event, undefined, 2)],
  ['on one line, if it came with carriage returns', JSON.stringify(event), JSON.stringify(event).replace(',', ',\r')],
] as const)('an event is written %s', ([, written, came = written]) => {
  expect(new SseWriter(-1).write(event, came)).toBe(`event: response.created\ndata: ${written}\n\n`);
});
