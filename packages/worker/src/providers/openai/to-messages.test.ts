import type { Part } from '@llm-gateway/shared/contracts/content';
import { expect, test } from 'vitest';
import { toMessages } from './to-messages.ts';

const text = (said: string): Part => ({ type: 'text', text: said });
const png = { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } as const;
const pngUrl = 'data:image/png;base64,AAAA';
const call: Part = { type: 'tool-call', id: 'call_1', name: 'find', arguments: '{"q": ' };

test.for<[string, Part[], object[]]>([
  ['a single text', [text('Hello')], [{ role: 'user', content: 'Hello' }]],
  [
    'texts and images',
    [
      text('Look:'),
      { type: 'image', source: png, detail: 'low' },
      { type: 'image', source: { kind: 'url', url: 'https://a/b' } },
    ],
    [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look:' },
          { type: 'image_url', image_url: { url: pngUrl, detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://a/b' } },
        ],
      },
    ],
  ],
  [
    'documents',
    [
      { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'UERG' }, title: 'a.pdf' },
      { type: 'document', source: { kind: 'base64', mediaType: 'text/plain', data: btoa('plain') } },
    ],
    [
      {
        role: 'user',
        content: [
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,UERG' } },
          { type: 'text', text: 'plain' },
        ],
      },
    ],
  ],
  [
    'results of tools come first, each as a message of its own',
    [
      text('And?'),
      { type: 'tool-result', callId: 'call_1', content: [{ type: 'text', text: 'found' }] },
      { type: 'tool-result', callId: 'call_2', content: [], isError: false },
    ],
    [
      { role: 'tool', tool_call_id: 'call_1', content: 'found' },
      { role: 'tool', tool_call_id: 'call_2', content: '' },
      { role: 'user', content: 'And?' },
    ],
  ],
  [
    'a result that is an error, and one with an image',
    [
      {
        type: 'tool-result',
        callId: 'call_1',
        content: [
          { type: 'text', text: 'not found' },
          { type: 'image', source: png },
        ],
        isError: true,
      },
      {
        type: 'tool-result',
        callId: 'call_2',
        content: [{ type: 'text', text: 'Error: no' }],
        isError: true,
      },
    ],
    [
      { role: 'tool', tool_call_id: 'call_1', content: 'Error: not found' },
      { role: 'tool', tool_call_id: 'call_2', content: 'Error: no' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: pngUrl } }] },
    ],
  ],
])('the user says %s', ([, parts, sent]) => {
  expect(toMessages({ role: 'user', parts })).toEqual(sent);
});

test.for<[string, Part[], object]>([
  ['a text', [text('Hi.')], { content: 'Hi.' }],
  [
    'two texts',
    [text('Hi.'), text('Yes?')],
    {
      content: [
        { type: 'text', text: 'Hi.' },
        { type: 'text', text: 'Yes?' },
      ],
    },
  ],
  ['a refusal', [{ type: 'refusal', text: 'No.' }], { content: [{ type: 'refusal', refusal: 'No.' }] }],
  ['nothing but a thought', [{ type: 'reasoning', text: 'Hm', signature: 's' }], { content: '' }],
  [
    'a call, with arguments as the model wrote them',
    [{ type: 'reasoning', text: 'Hm' }, call],
    {
      content: null,
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'find', arguments: '{"q": ' } }],
    },
  ],
  [
    'a text and a call',
    [text('Let me see.'), call],
    {
      content: 'Let me see.',
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'find', arguments: '{"q": ' } }],
    },
  ],
])('the assistant says %s', ([, parts, sent]) => {
  expect(toMessages({ role: 'assistant', parts })).toEqual([{ role: 'assistant', ...sent }]);
});

test('a document at an address cannot be sent', () => {
  const parts: Part[] = [{ type: 'document', source: { kind: 'url', url: 'https://a/b.pdf' } }];
  expect(() => toMessages({ role: 'user', parts })).toThrow(/invalid_request/);
});
