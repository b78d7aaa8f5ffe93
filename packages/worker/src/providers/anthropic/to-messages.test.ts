import type { Part } from '@llm-gateway/shared/contracts/content';
import type { Message } from '@llm-gateway/shared/contracts/generation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toMessages } from './to-messages.ts';

const text = (said: string): Part => ({ type: 'text', text: said });
const result = (callId: string, said: string, isError?: boolean): Part => ({
  type: 'tool-result',
  callId,
  content: [{ type: 'text', text: said }],
  ...(isError === undefined ? {} : { isError }),
});

test.for<[string, Part, object[]]>([
  ['a text', text('Hello'), [{ type: 'text', text: 'Hello' }]],
  ['a text without a character', text(''), []],
  ['a refusal', { type: 'refusal', text: 'No.' }, [{ type: 'text', text: 'No.' }]],
  ['a thought without a signature', { type: 'reasoning', text: 'Hm' }, []],
  [
    'a thought',
    { type: 'reasoning', text: 'Hm', signature: 's' },
    [{ type: 'thinking', thinking: 'Hm', signature: 's' }],
  ],
  [
    'an image',
    { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' }, detail: 'high' },
    [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }],
  ],
  [
    'an image at an address',
    { type: 'image', source: { kind: 'url', url: 'https://a/b' } },
    [{ type: 'image', source: { type: 'url', url: 'https://a/b' } }],
  ],
  [
    'a document',
    { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'UERG' }, title: 'Bears' },
    [
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'UERG' },
        title: 'Bears',
      },
    ],
  ],
  [
    'a document of plain text',
    { type: 'document', source: { kind: 'base64', mediaType: 'text/markdown', data: btoa('# Bears') } },
    [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: '# Bears' } }],
  ],
  [
    'a document at an address',
    { type: 'document', source: { kind: 'url', url: 'https://a/b.pdf' } },
    [{ type: 'document', source: { type: 'url', url: 'https://a/b.pdf' } }],
  ],
  [
    'a call',
    { type: 'tool-call', id: 'call_1', name: 'find', arguments: '{"q": [1]}' },
    [{ type: 'tool_use', id: 'call_1', name: 'find', input: { q: [1] } }],
  ],
  [
    'a call without arguments, with an id of another server',
    { type: 'tool-call', id: 'functions.find:0', name: 'find', arguments: '' },
    [{ type: 'tool_use', id: 'functions_find_0', name: 'find', input: {} }],
  ],
  [
    'a call whose arguments broke off',
    { type: 'tool-call', id: 'call_1', name: 'find', arguments: '{"q": ' },
    [{ type: 'tool_use', id: 'call_1', name: 'find', input: { INVALID_JSON: '{"q": ' } }],
  ],
  [
    'a result',
    result('functions.find:0', 'found'),
    [{ type: 'tool_result', tool_use_id: 'functions_find_0', content: [{ type: 'text', text: 'found' }] }],
  ],
  [
    'a result that is an error',
    result('call_1', 'not found', true),
    [{ type: 'tool_result', tool_use_id: 'call_1', content: [{ type: 'text', text: 'not found' }], is_error: true }],
  ],
  [
    'a result with an image and no text',
    {
      type: 'tool-result',
      callId: 'call_1',
      content: [
        { type: 'text', text: '' },
        { type: 'image', source: { kind: 'url', url: 'https://a/b' } },
      ],
    },
    [
      {
        type: 'tool_result',
        tool_use_id: 'call_1',
        content: [{ type: 'image', source: { type: 'url', url: 'https://a/b' } }],
      },
    ],
  ],
  [
    'a result without anything',
    { type: 'tool-result', callId: 'call_1', content: [] },
    [{ type: 'tool_result', tool_use_id: 'call_1' }],
  ],
])('%s', ([, part, blocks]) => {
  expect(toMessages([{ role: 'user', parts: [part] }])).toEqual([{ role: 'user', content: blocks }]);
});

test('messages of one side are one turn, in which results come first', () => {
  const messages: Message[] = [
    { role: 'user', text: 'Find it.' },
    { role: 'assistant', text: 'Yes.' },
    { role: 'assistant', parts: [{ type: 'tool-call', id: 'a', name: 'find', arguments: '{}' }] },
    { role: 'user', text: 'Hurry.' },
    { role: 'user', parts: [result('a', 'found')] },
  ];
  expect(toMessages(messages)).toEqual([
    { role: 'user', content: 'Find it.' },
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 'Yes.' },
        { type: 'tool_use', id: 'a', name: 'find', input: {} },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'found' }] },
        { type: 'text', text: 'Hurry.' },
      ],
    },
  ]);
});

test('whoever speaks how often, the sides take turns and no text is lost', () => {
  const said = fc.record({ role: fc.constantFrom('user', 'assistant'), text: fc.string({ minLength: 1 }) });
  fc.assert(
    fc.property(fc.array(said as fc.Arbitrary<Message>, { minLength: 1 }), (messages) => {
      const turns = toMessages(messages);
      expect(turns.every(({ role }, at) => role !== turns[at - 1]?.role)).toBe(true);
      const texts = turns.flatMap(({ content }) =>
        typeof content === 'string' ? [content] : content.map((block) => (block.type === 'text' ? block.text : '')),
      );
      expect(texts).toEqual(messages.map((message) => ('text' in message ? message.text : '')));
    }),
  );
});
