import { partsOfDeltas } from '@llm-gateway/shared/contracts/deltas';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../json-object.ts';
import { createEventReader } from './event-deltas.ts';
import { createMessageBody } from './message-body.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1 });
const block = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text }),
  fc.record({ type: fc.constant('thinking' as const), thinking: text, signature: text }),
  fc.record({ type: fc.constant('tool_use' as const), id: fc.uuid(), name: text, input: fc.dictionary(text, text) }),
  fc.record({ type: fc.constant('server_tool_use' as const), id: fc.uuid(), input: fc.dictionary(text, text) }),
  fc.record({ type: fc.constant('of_tomorrow' as const), content: fc.array(text), x_block: fc.integer() }),
);
type Block = typeof block extends fc.Arbitrary<infer T> ? T : never;

/** The events of a block, in pieces of a few characters. */
function eventsOf(whole: Block, index: number, size: number): JsonObject[] {
  const cut = (said: string) => said.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
  const around = (opening: JsonObject, deltas: JsonObject[]) => [
    { type: 'content_block_start', index, content_block: { ...whole, ...opening } },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
  switch (whole.type) {
    case 'text':
      return around(
        { text: '' },
        cut(whole.text).map((piece) => ({ type: 'text_delta', text: piece })),
      );
    case 'thinking':
      return around({ thinking: '', signature: '' }, [
        ...cut(whole.thinking).map((piece) => ({ type: 'thinking_delta', thinking: piece })),
        { type: 'signature_delta', signature: whole.signature },
      ]);
    case 'tool_use':
    case 'server_tool_use':
      return around(
        { input: {} },
        cut(inputJson(whole.input)).map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
      );
    default:
      return around({}, []);
  }
}

/** Input without a member is not streamed. */
const inputJson = (input: object) => (Object.keys(input).length === 0 ? '' : JSON.stringify(input));

test('what is cut into events is put together again', () => {
  fc.assert(
    fc.property(fc.array(block, { maxLength: 5 }), fc.integer({ min: 1, max: 5 }), (blocks, size) => {
      const builder = createMessageBody();
      const read = createEventReader();
      const events = [
        { type: 'message_start', message: { id: 'msg_A', content: [], stop_reason: null, usage: { input_tokens: 1 } } },
        ...blocks.flatMap((whole, index) => eventsOf(whole, index, size)),
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
        { type: 'message_stop' },
      ];
      const deltas = events.flatMap((event) => {
        builder.take(event);
        return read(event);
      });
      expect(builder.body()).toEqual({
        id: 'msg_A',
        content: blocks,
        stop_reason: 'end_turn',
        usage: { input_tokens: 1, output_tokens: 2 },
      });
      const calls = partsOfDeltas(deltas).filter((part) => part.type === 'tool-call');
      expect(calls.map(({ id, name, arguments: given }) => [id, name, JSON.parse(given)])).toEqual(
        blocks.flatMap((whole) => (whole.type === 'tool_use' ? [[whole.id, whole.name, whole.input]] : [])),
      );
    }),
  );
});

test('what was so far is not changed by what follows', () => {
  const builder = createMessageBody();
  const message = { id: 'msg_A', content: [], usage: { output_tokens: 1 } };
  builder.take({ type: 'message_start', message });
  builder.take({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } });
  expect(message).toEqual({ id: 'msg_A', content: [], usage: { output_tokens: 1 } });
});
