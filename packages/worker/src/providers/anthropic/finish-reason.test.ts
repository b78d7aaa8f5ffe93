import { expect, test } from 'vitest';
import { finishReason } from './finish-reason.ts';

test.for([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool_calls'],
  ['refusal', 'content_filter'],
  ['pause_turn', 'other'],
  ['constructor', 'other'],
] as const)('%s is %s', ([raw, unified]) => {
  expect(finishReason(raw)).toEqual({ unified, raw });
});
