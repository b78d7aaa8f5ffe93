import { expect, test } from 'vitest';
import { isPrelude } from './is-prelude.ts';

const chunk = (delta: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason }],
});

test.for([
  [true, { type: 'message_start', message: { content: [] } }],
  [true, { type: 'ping' }],
  [true, { type: 'content_block_start', content_block: { type: 'thinking', thinking: '' } }],
  [false, { type: 'content_block_start', content_block: { type: 'tool_use', name: 'find', input: {} } }],
  [false, { type: 'content_block_start', content_block: { type: 'server_tool_use', name: 'web_search' } }],
  [false, { type: 'content_block_delta', delta: { type: 'text_delta', text: 'a' } }],
  [false, { type: 'message_delta', delta: { stop_reason: 'end_turn' } }],
  [true, { type: 'response.created', response: {} }],
  [true, { type: 'response.in_progress', response: {} }],
  [false, { type: 'response.output_item.added', item: { type: 'web_search_call' } }],
  [false, { type: 'response.completed', response: {} }],
  [true, chunk({ role: 'assistant', content: '', refusal: null })],
  [true, { choices: [], usage: null }],
  [true, { choices: [{ index: 0, text: '', finish_reason: null }] }],
  [false, { choices: [{ index: 0, text: 'a', finish_reason: null }] }],
  [false, chunk({ content: 'a' })],
  [false, chunk({ audio: { id: 'audio_1' } })],
  [false, chunk({ tool_calls: [{ index: 0 }] })],
  [false, chunk({}, 'stop')],
  [true, { error: { message: 'failed' } }],
  [true, { type: 'error', error: { message: 'failed' } }],
  [false, { of: 'a kind that is not known here' }],
] as [boolean, object][])('%s: %j', ([expected, event]) => {
  expect(isPrelude(JSON.stringify(event))).toBe(expected);
});
