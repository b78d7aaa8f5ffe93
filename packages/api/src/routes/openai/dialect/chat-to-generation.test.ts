import type { Generation } from '@llm-gateway/shared/contracts/generation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chatBody } from '../chat-body.ts';
import { chatToGeneration } from './chat-to-generation.ts';

const read = (more: object) =>
  chatToGeneration(chatBody.parse({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...more }));

const hi: Generation = { messages: [{ role: 'user', text: 'hi' }] };
const parameters = { type: 'object', properties: { city: { type: 'string' } } };

test.for([
  ['nothing', {}, {}],
  ['nulls', { temperature: null, max_tokens: null, stop: null, tools: null, tool_choice: null, n: null }, {}],
  ['temperature', { temperature: 0 }, { temperature: 0 }],
  ['top_p', { top_p: 0.5 }, { topP: 0.5 }],
  ['max_tokens', { max_tokens: 5 }, { maxTokens: 5 }],
  ['no limit', { max_tokens: 0, max_completion_tokens: 0 }, {}],
  ['max_completion_tokens before max_tokens', { max_tokens: 5, max_completion_tokens: 6 }, { maxTokens: 6 }],
  ['stop', { stop: 'x' }, { stop: ['x'] }],
  ['stops', { stop: ['x', 'y'] }, { stop: ['x', 'y'] }],
  ['no stops', { stop: [] }, {}],
  ['seed', { seed: 3 }, { seed: 3 }],
  ['effort', { reasoning_effort: 'low' }, { reasoningEffort: 'low' }],
  ['text', { response_format: { type: 'text' } }, { responseFormat: { type: 'text' } }],
  ['json', { response_format: { type: 'json_object' } }, { responseFormat: { type: 'json_object' } }],
  [
    'a schema',
    { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: parameters, strict: true } } },
    { responseFormat: { type: 'json_schema', name: 'n', schema: parameters, strict: true } },
  ],
  [
    'tools',
    { tools: [{ type: 'function', function: { name: 'f', description: 'd', parameters, strict: null } }] },
    { tools: [{ name: 'f', description: 'd', parameters }] },
  ],
  [
    'a tool without parameters',
    { tools: [{ type: 'function', function: { name: 'f' } }] },
    { tools: [{ name: 'f', parameters: { type: 'object', properties: {} } }] },
  ],
  ['any tool', { tool_choice: 'required' }, { toolChoice: 'required' }],
  ['one tool', { tool_choice: { type: 'function', function: { name: 'f' } } }, { toolChoice: { name: 'f' } }],
  ['one after the other', { parallel_tool_calls: false }, { parallelToolCalls: false }],
  [
    'functions',
    { functions: [{ name: 'f', parameters }], function_call: { name: 'f' } },
    { tools: [{ name: 'f', parameters }], toolChoice: { name: 'f' }, parallelToolCalls: false },
  ],
  [
    'hints',
    {
      user: 'u',
      metadata: { a: 'b' },
      store: false,
      verbosity: 'low',
      service_tier: 'auto',
      prompt_cache_key: 'k',
      logprobs: false,
      top_logprobs: 0,
      presence_penalty: 0,
      logit_bias: {},
      modalities: ['text'],
      n: 1,
      x_unknown: 1,
    },
    {},
  ],
] as const)('%s', ([, more, expected]) => {
  expect(read(more)).toEqual({ generation: { ...hi, ...expected }, nativeOnly: [] });
});

const messagesOf = (messages: object[]) => {
  const { generation, nativeOnly } = read({ messages });
  return { system: generation.system, messages: generation.messages, nativeOnly: nativeOnly.map((one) => one.pointer) };
};

const ofUser = (part: object) => ({ messages: [{ role: 'user', parts: [part] }], nativeOnly: [] });

test.for([
  [
    'instructions come first, wherever they stood',
    [
      { role: 'developer', content: 'one' },
      { role: 'user', content: 'hi' },
      {
        role: 'system',
        content: [
          { type: 'text', text: 'two' },
          { type: 'text', text: 'three' },
        ],
      },
    ],
    { system: 'one\n\ntwo\n\nthree', messages: [{ role: 'user', text: 'hi' }], nativeOnly: [] },
  ],
  [
    'instructions alone are what somebody says',
    [{ role: 'system', content: 'one' }],
    { messages: [{ role: 'user', text: 'one' }], nativeOnly: [] },
  ],
  [
    'an image at an address',
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a/b.png', detail: 'low' } }] }],
    ofUser({ type: 'image', source: { kind: 'url', url: 'https://a/b.png' }, detail: 'low' }),
  ],
  [
    'an image in the body',
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] }],
    ofUser({ type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } }),
  ],
  [
    'a document',
    [
      {
        role: 'user',
        content: [{ type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA', filename: 'a.pdf' } }],
      },
    ],
    ofUser({
      type: 'document',
      source: { kind: 'base64', mediaType: 'application/pdf', data: 'AAAA' },
      title: 'a.pdf',
    }),
  ],
  [
    'calls of tools and their results, which are one answer',
    [
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
          { id: 'b', type: 'function', function: { name: 'g', arguments: '{"x":1}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'one' },
      { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'two' }] },
      { role: 'user', content: 'And?' },
    ],
    {
      messages: [
        {
          role: 'assistant',
          parts: [
            { type: 'text', text: 'Let me see.' },
            { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' },
            { type: 'tool-call', id: 'b', name: 'g', arguments: '{"x":1}' },
          ],
        },
        {
          role: 'user',
          parts: [
            { type: 'tool-result', callId: 'a', content: [{ type: 'text', text: 'one' }] },
            { type: 'tool-result', callId: 'b', content: [{ type: 'text', text: 'two' }] },
          ],
        },
        { role: 'user', text: 'And?' },
      ],
      nativeOnly: [],
    },
  ],
  [
    'functions, as they were before tools',
    [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: 'done' },
    ],
    {
      messages: [
        { role: 'user', text: 'hi' },
        { role: 'assistant', parts: [{ type: 'tool-call', id: 'call_1', name: 'f', arguments: '{}' }] },
        { role: 'user', parts: [{ type: 'tool-result', callId: 'call_1', content: [{ type: 'text', text: 'done' }] }] },
      ],
      nativeOnly: [],
    },
  ],
  [
    'a refusal',
    [{ role: 'assistant', content: null, refusal: 'No.' }],
    { messages: [{ role: 'assistant', parts: [{ type: 'refusal', text: 'No.' }] }], nativeOnly: [] },
  ],
  [
    'an assistant that said nothing',
    [{ role: 'assistant' }],
    { messages: [{ role: 'assistant', text: '' }], nativeOnly: [] },
  ],
  [
    'what goes to its own provider alone has no counterpart',
    [
      {
        role: 'user',
        content: [
          { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
          { type: 'file', file: { file_id: 'file-1' } },
          { type: 'image_url', image_url: { url: 'ftp://a/b.png' } },
        ],
      },
      { role: 'assistant', audio: { id: 'audio_1' } },
      { role: 'assistant', tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'x', input: 'y' } }] },
    ],
    {
      messages: [
        { role: 'user', text: '' },
        { role: 'assistant', text: '' },
        { role: 'assistant', text: '' },
      ],
      nativeOnly: [
        '/messages/0/content/0',
        '/messages/0/content/1',
        '/messages/0/content/2',
        '/messages/1/audio',
        '/messages/2/tool_calls/0',
      ],
    },
  ],
  [
    'instructions that are more than text, and results of tools that are more than text and images',
    [
      { role: 'system', content: [{ type: 'image_url', image_url: { url: 'https://a/b.png' } }] },
      { role: 'user', content: 'hi' },
      {
        role: 'tool',
        tool_call_id: 'a',
        content: [{ type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA' } }],
      },
    ],
    {
      messages: [
        { role: 'user', text: 'hi' },
        { role: 'user', parts: [{ type: 'tool-result', callId: 'a', content: [] }] },
      ],
      nativeOnly: ['/messages/0/content/0', '/messages/2/content/0'],
    },
  ],
] as const)('%s', ([, messages, expected]) => {
  expect(messagesOf([...messages])).toEqual({ system: undefined, ...expected });
});

// What a body says, in words of its own: which role says which things, in order.
type Thing = { kind: 'text' | 'image' | 'call' | 'result' | 'system'; by?: string; of: string };

const word = fc.string({ minLength: 1, maxLength: 8 });
const someMessage = fc.oneof(
  fc.record({ role: fc.constantFrom('system', 'developer'), content: word }),
  fc.record({ role: fc.constant('user'), content: word }),
  fc.record({
    role: fc.constant('user'),
    content: fc.array(
      fc.oneof(
        word.map((text) => ({ type: 'text', text })),
        fc.base64String({ minLength: 4 }).map((data) => ({
          type: 'image_url',
          image_url: { url: `data:image/png;base64,${data}` },
        })),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  fc.record({
    role: fc.constant('assistant'),
    content: fc.option(word),
    tool_calls: fc.array(
      fc.record({
        id: word,
        type: fc.constant('function'),
        function: fc.record({ name: word, arguments: fc.json() }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  fc.record({ role: fc.constant('tool'), tool_call_id: word, content: word }),
);

interface Said {
  role: string;
  content?: string | { type: string; text?: string; image_url?: { url: string } }[] | null;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

const thingsOfBody = (messages: Said[]): Thing[] =>
  messages.flatMap(({ role, content, tool_calls, tool_call_id }): Thing[] => {
    if (role === 'system' || role === 'developer') return [{ kind: 'system', of: String(content) }];
    if (role === 'tool') return [{ kind: 'result', of: `${tool_call_id}:${content}` }];
    const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
    return [
      ...parts.map((part): Thing => {
        if (part.type === 'text') return { kind: 'text', by: role, of: part.text ?? '' };
        return { kind: 'image', by: role, of: ('image_url' in part && part.image_url?.url) || '' };
      }),
      ...(tool_calls ?? []).map(
        (call): Thing => ({ kind: 'call', of: `${call.id}:${call.function.name}:${call.function.arguments}` }),
      ),
    ];
  });

const thingsOfGeneration = ({ messages }: Generation): Thing[] =>
  messages.flatMap((message): Thing[] =>
    ('parts' in message ? message.parts : [{ type: 'text' as const, text: message.text }]).flatMap((part): Thing[] => {
      switch (part.type) {
        case 'text':
          return [{ kind: 'text', by: message.role, of: part.text }];
        case 'image':
          return part.source.kind === 'base64'
            ? [{ kind: 'image', by: message.role, of: `data:${part.source.mediaType};base64,${part.source.data}` }]
            : [];
        case 'tool-call':
          return [{ kind: 'call', of: `${part.id}:${part.name}:${part.arguments}` }];
        case 'tool-result':
          return [
            { kind: 'result', of: `${part.callId}:${part.content.map((one) => 'text' in one && one.text).join()}` },
          ];
        default:
          return [];
      }
    }),
  );

test('whatever is said, the neutral form says the same in the same order', () => {
  fc.assert(
    fc.property(fc.array(someMessage, { minLength: 1, maxLength: 8 }), (messages) => {
      const spoken = thingsOfBody(messages).filter(({ kind }) => kind !== 'system');
      fc.pre(spoken.length > 0);
      const { generation, nativeOnly } = read({ messages });
      expect(thingsOfGeneration(generation)).toEqual(spoken);
      const system = thingsOfBody(messages).filter(({ kind }) => kind === 'system');
      expect(generation.system).toBe(system.length === 0 ? undefined : system.map(({ of }) => of).join('\n\n'));
      expect(nativeOnly).toEqual([]);
    }),
  );
});
