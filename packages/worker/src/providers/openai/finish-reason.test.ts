import { expect, test } from 'vitest';
import { finishReason } from './finish-reason.ts';

test.for([
  ['stop', 'stop'],
  ['length', 'length'],
  ['content_filter', 'content_filter'],
  ['tool_calls', 'tool_calls'],
  ['function_call', 'tool_calls'],
  ['made_up_tomorrow', 'other'],
  ['constructor', 'other'],
] as const)('%s is %s', ([raw, unified]) => {
  expect(finishReason(raw)).toEqual({ unified, raw });
});
