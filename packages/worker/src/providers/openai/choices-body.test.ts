import { partsOfDeltas } from '@llm-gateway/shared/contracts/deltas';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../json-object.ts';
import { createChoiceReader } from './choice-deltas.ts';
import { createChoicesBody } from './choices-body.ts';

const head = { id: 'chatcmpl-A', object: 'chat.completion.chunk', created: 1, model: 'm' };

const bodyOf = (...chunks: JsonObject[]) => {
  const builder = createChoicesBody();
  for (const chunk of chunks) builder.take({ ...head, ...chunk });
  return builder.body();
};

test('a text completion stays one', () => {
  const chunk = (text: string, finish_reason: string | null, logprobs: unknown) => ({
    object: 'text_completion',
    choices: [{ index: 0, text, finish_reason, logprobs }],
  });
  // A token may be called like any member.
  const logprobs = (token: string) => ({ tokens: [token], top_logprobs: [{ [token]: -1 }] });
  expect(bodyOf(chunk('index', null, logprobs('index')), chunk('id', 'stop', logprobs('id')))).toEqual({
    ...head,
    object: 'text_completion',
    choices: [
      {
        index: 0,
        text: 'indexid',
        finish_reason: 'stop',
        logprobs: { tokens: ['index', 'id'], top_logprobs: [{ index: -1 }, { id: -1 }] },
      },
    ],
  });
});

test("Azure's first chunk names nothing, and some of its choices say nothing", () => {
  expect(
    bodyOf(
      { id: '', model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
      { choices: [{ index: 0, delta: { role: 'assistant', content: 'Hi' }, finish_reason: null }] },
      { choices: [{ index: 0, content_filter_results: { hate: {} }, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: null },
    ),
  ).toEqual({
    ...head,
    object: 'chat.completion',
    prompt_filter_results: [{ prompt_index: 0 }],
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hi' },
        content_filter_results: { hate: {} },
        finish_reason: 'stop',
      },
    ],
    usage: null,
  });
});

test('a spoken answer is put together, and is heard as its words', () => {
  const chunks = [
    { content: '', audio: { id: 'audio_1', transcript: 'Né' } },
    { audio: { data: 'AAAA' } },
    { audio: { data: 'BBBB', transcript: ' 🐻' } },
    { audio: { expires_at: 9 } },
  ].map((delta) => ({ choices: [{ index: 0, delta, finish_reason: null }] }));
  const [choice] = bodyOf(...chunks).choices as JsonObject[];
  expect(choice?.message).toEqual({
    role: 'assistant',
    content: null,
    audio: { id: 'audio_1', data: 'AAAABBBB', transcript: 'Né 🐻', expires_at: 9 },
  });
  const deltas = chunks.flatMap(({ choices }) => choices.flatMap(createChoiceReader()));
  expect(partsOfDeltas(deltas)).toEqual([{ type: 'text', text: 'Né 🐻' }]);
});

test('calls that a server does not number are told apart by their places and ids', () => {
  const call = (id: string, given: string) => ({ id, type: 'function', function: { name: 'f', arguments: given } });
  const chunks = [[call('a', '1'), call('b', '2')], [call('c', '3')]].map((tool_calls) => ({
    choices: [{ index: 0, delta: { tool_calls }, finish_reason: null }],
  }));
  const [choice] = bodyOf(...chunks).choices as JsonObject[];
  expect(choice?.message).toMatchObject({ tool_calls: [call('a', '1'), call('b', '2'), call('c', '3')] });
  const read = createChoiceReader();
  const deltas = chunks.flatMap(({ choices }) => choices.flatMap(read));
  expect(partsOfDeltas(deltas)).toEqual(
    ['a', 'b', 'c'].map((id, at) => ({ type: 'tool-call', id, name: 'f', arguments: String(at + 1) })),
  );
});

test('id and name that are said with every piece are said once', () => {
  const read = createChoiceReader();
  const said = { index: 0, id: 'a', function: { name: 'f', arguments: 'x' } };
  const deltas = [said, said].flatMap((call) => read({ index: 0, delta: { tool_calls: [call] } }));
  expect(deltas).toEqual([
    { type: 'tool-call', index: 0, id: 'a', name: 'f', arguments: 'x' },
    { type: 'tool-call', index: 0, arguments: 'x' },
  ]);
});

test('what was so far says nothing that is said later', () => {
  const builder = createChoicesBody();
  builder.take({ ...head, choices: [{ index: 0, delta: { content: 'a' }, finish_reason: null }] });
  const soFar = JSON.stringify(builder.body());
  builder.take({ ...head, choices: [{ index: 0, delta: { content: 'b' }, finish_reason: 'stop' }] });
  expect(JSON.parse(soFar).choices[0]).toMatchObject({ message: { content: 'a' }, finish_reason: null });
});

const text = fc.string({ unit: 'grapheme', minLength: 1 });
const call = fc.record({ id: fc.uuid(), name: text, given: fc.string() });
const message = fc.record({ content: text, reasoning_content: text, calls: fc.array(call, { maxLength: 3 }) });
type Said = typeof message extends fc.Arbitrary<infer T> ? T : never;

/** The message in pieces of a few characters, as a server streams it. */
function deltasOf({ content, reasoning_content, calls }: Said, size: number): JsonObject[] {
  const cut = (whole: string) => whole.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
  return [
    { role: 'assistant', content: '' },
    ...cut(reasoning_content).map((piece) => ({ reasoning_content: piece })),
    ...cut(content).map((piece) => ({ content: piece })),
    ...calls.flatMap(({ id, name, given }, index) => [
      { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] },
      ...cut(given).map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] })),
    ]),
  ];
}

test('what is cut into chunks, choice beside choice, is put together again', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 5 }), (messages, size) => {
      const lists = messages.map((said) => deltasOf(said, size));
      const chunks = Array.from({ length: Math.max(...lists.map(({ length }) => length)) }, (_, step) => ({
        choices: lists.flatMap((deltas, index) => (deltas[step] ? [{ index, delta: deltas[step] }] : [])),
      }));
      const read = createChoiceReader();
      const deltas = chunks.flatMap(({ choices }) => choices.flatMap(read));
      expect(bodyOf(...chunks).choices).toEqual(
        messages.map(({ calls, ...said }, index) => ({
          index,
          message: {
            role: 'assistant',
            ...said,
            ...(calls.length > 0 && { tool_calls: calls.map(({ id, name, given }) => toCall(id, name, given)) }),
          },
        })),
      );
      const [first] = messages;
      expect(partsOfDeltas(deltas)).toEqual([
        { type: 'reasoning', text: first?.reasoning_content },
        { type: 'text', text: first?.content },
        ...(first?.calls ?? []).map(({ id, name, given }) => ({ type: 'tool-call', id, name, arguments: given })),
      ]);
    }),
  );
});

const toCall = (id: string, name: string, given: string) => ({
  id,
  type: 'function',
  function: { name, arguments: given },
});
