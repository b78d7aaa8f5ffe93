import type { Part } from '@llm-gateway/shared/contracts/content';
import { type Generation, reasoningEfforts } from '@llm-gateway/shared/contracts/generation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { validateWithZod } from '../../../http/validate.ts';
import { type MessagesBody, messagesBody } from './messages-body.ts';
import { toGeneration } from './to-generation.ts';

const least = { model: 'gpt-4o', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] };
const parse = (more: object) => messagesBody.parse({ ...least, ...more });
const read = (more: object) => toGeneration(parse(more));
const said = (...content: object[]) => ({ messages: [{ role: 'user', content }] });

const pdf = { type: 'base64', media_type: 'application/pdf', data: 'AAAA' };
const weather = { name: 'get_weather', input_schema: { type: 'object', properties: {} } };
const schema = { type: 'object', properties: { bear: { type: 'string' } } };

describe('has a counterpart', () => {
  test.for([
    ['the least there is', {}, {}],
    ['a system text', { system: 'Be brief.' }, { system: 'Be brief.' }],
    [
      'system blocks, and a system turn before all others',
      {
        system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
        messages: [{ role: 'system', content: 'Be kind.' }, ...least.messages],
      },
      { system: 'Be brief.\n\nBe kind.' },
    ],
    ['temperature', { temperature: 0.5 }, { temperature: 0.5 }],
    ['top_p', { top_p: 0.5 }, { topP: 0.5 }],
    ['stop_sequences', { stop_sequences: ['END'] }, { stop: ['END'] }],
    ['no stop_sequences', { stop_sequences: [] }, {}],
    [
      'tools',
      {
        tools: [
          { ...weather, description: 'Of today', type: 'custom', strict: true, cache_control: { type: 'ephemeral' } },
        ],
      },
      { tools: [{ name: 'get_weather', description: 'Of today', parameters: weather.input_schema, strict: true }] },
    ],
    ['tool_choice auto', { tool_choice: { type: 'auto' } }, { toolChoice: 'auto' }],
    ['tool_choice any', { tool_choice: { type: 'any' } }, { toolChoice: 'required' }],
    ['tool_choice none', { tool_choice: { type: 'none' } }, { toolChoice: 'none' }],
    ['tool_choice tool', { tool_choice: { type: 'tool', name: 'x' } }, { toolChoice: { name: 'x' } }],
    [
      'one tool at a time',
      { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
      { toolChoice: 'auto', parallelToolCalls: false },
    ],
    [
      'thinking disabled',
      { thinking: { type: 'disabled' }, output_config: { effort: 'high' } },
      { reasoningEffort: 'none' },
    ],
    ['a small budget', { thinking: { type: 'enabled', budget_tokens: 2047 } }, { reasoningEffort: 'low' }],
    ['a budget', { thinking: { type: 'enabled', budget_tokens: 2048 } }, { reasoningEffort: 'medium' }],
    ['a budget below 8192', { thinking: { type: 'enabled', budget_tokens: 8191 } }, { reasoningEffort: 'medium' }],
    ['a large budget', { thinking: { type: 'enabled', budget_tokens: 8192 } }, { reasoningEffort: 'high' }],
    ['adaptive thinking', { thinking: { type: 'adaptive' } }, { reasoningEffort: 'medium' }],
    [
      'adaptive thinking with effort',
      { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } },
      { reasoningEffort: 'xhigh' },
    ],
    ['effort', { output_config: { effort: 'low' } }, { reasoningEffort: 'low' }],
    [
      'a format',
      { output_config: { format: { type: 'json_schema', schema } } },
      { responseFormat: { type: 'json_schema', name: 'answer', schema, strict: true } },
    ],
    [
      'a format by its older name',
      { output_format: { type: 'json_schema', schema } },
      { responseFormat: { type: 'json_schema', name: 'answer', schema, strict: true } },
    ],
    [
      'hints, which change nothing',
      {
        metadata: { user_id: 'u1' },
        service_tier: 'auto',
        speed: 'standard',
        cache_control: { type: 'ephemeral' },
        mcp_servers: [],
      },
      {},
    ],
    ['members of tomorrow', { of_tomorrow: { x: 1 } }, {}],
    [
      'null for whatever may be left out',
      Object.fromEntries(
        'system tools tool_choice thinking output_config output_format stream stop_sequences temperature top_p top_k metadata service_tier speed inference_geo container mcp_servers context_management cache_control gateway'
          .split(' ')
          .map((name) => [name, null]),
      ),
      {},
    ],
  ] satisfies [string, object, Partial<Generation>][])('%s', ([, more, neutral]) => {
    expect(read(more)).toEqual({
      generation: { messages: [{ role: 'user', text: 'Hello' }], maxTokens: 100, ...neutral },
      nativeOnly: [],
    });
  });

  test.for([
    [{ type: 'text', text: 'Hi', citations: [], cache_control: { type: 'ephemeral' } }, [{ type: 'text', text: 'Hi' }]],
    [
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
      [{ type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } }],
    ],
    [
      { type: 'image', source: { type: 'url', url: 'https://x/y.png' } },
      [{ type: 'image', source: { kind: 'url', url: 'https://x/y.png' } }],
    ],
    [
      { type: 'document', source: pdf, title: 'Bears', context: 'Of today', citations: { enabled: false } },
      [
        { type: 'text', text: 'Of today' },
        { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'AAAA' }, title: 'Bears' },
      ],
    ],
    [
      { type: 'document', source: { type: 'url', url: 'https://x/y.pdf' } },
      [{ type: 'document', source: { kind: 'url', url: 'https://x/y.pdf' } }],
    ],
    [
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Bears.' }, title: 'Bears' },
      [
        { type: 'text', text: 'Bears' },
        { type: 'text', text: 'Bears.' },
      ],
    ],
    [
      { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'Bears.' }] } },
      [{ type: 'text', text: 'Bears.' }],
    ],
    [
      { type: 'tool_use', id: 't1', name: 'x', input: { a: [1] } },
      [{ type: 'tool-call', id: 't1', name: 'x', arguments: '{"a":[1]}' }],
    ],
    [{ type: 'tool_result', tool_use_id: 't1' }, [{ type: 'tool-result', callId: 't1', content: [] }]],
    [
      { type: 'tool_result', tool_use_id: 't1', content: 'Sunny', is_error: false },
      [{ type: 'tool-result', callId: 't1', content: [{ type: 'text', text: 'Sunny' }] }],
    ],
    [
      {
        type: 'tool_result',
        tool_use_id: 't1',
        content: [{ type: 'image', source: { type: 'url', url: 'u' } }],
        is_error: true,
      },
      [
        {
          type: 'tool-result',
          callId: 't1',
          content: [{ type: 'image', source: { kind: 'url', url: 'u' } }],
          isError: true,
        },
      ],
    ],
    [{ type: 'thinking', thinking: 'Hm.', signature: 's' }, [{ type: 'reasoning', text: 'Hm.', signature: 's' }]],
    [{ type: 'thinking', thinking: 'Hm.', signature: '' }, [{ type: 'reasoning', text: 'Hm.' }]],
  ] as [object, Part[]][])('the block %j', ([block, parts]) => {
    const { generation, nativeOnly } = read(said(block));
    expect(generation.messages).toEqual([{ role: 'user', parts }]);
    expect(nativeOnly).toEqual([]);
  });
});

describe('has none, and is named', () => {
  test.for([
    ['/top_k', { top_k: 5 }],
    ['/service_tier', { service_tier: 'standard_only' }],
    ['/speed', { speed: 'fast' }],
    ['/inference_geo', { inference_geo: 'eu' }],
    ['/container', { container: 'container_1' }],
    ['/mcp_servers', { mcp_servers: [{ type: 'url' }] }],
    ['/context_management', { context_management: { edits: [] } }],
    ['/tools/1', { tools: [weather, { type: 'web_search_20250305', name: 'web_search' }] }],
    ['/tools/0/defer_loading', { tools: [{ ...weather, defer_loading: true }] }],
    ['/tools/0/allowed_callers', { tools: [{ ...weather, allowed_callers: ['direct', 'code_execution_20260120'] }] }],
    ['/tool_choice/type', { tool_choice: { type: 'of_tomorrow' } }],
    ['/thinking/type', { thinking: { type: 'of_tomorrow' } }],
    ['/output_config/effort', { output_config: { effort: 'of_tomorrow' } }],
    ['/output_config/format/type', { output_config: { format: { type: 'grammar' } } }],
    ['/output_format/type', { output_format: { type: 'grammar' } }],
    ['/system', { system: [{ type: 'image', source: { type: 'url', url: 'u' } }] }],
    ['/messages/1/role', { messages: [...least.messages, { role: 'system', content: 'Be kind.' }] }],
    ['/messages/0/content/1', said({ type: 'text', text: 'x' }, { type: 'redacted_thinking', data: 'x' })],
    ['/messages/0/content/0', said({ type: 'search_result', content: [] })],
    ['/messages/0/content/0', said({ type: 'server_tool_use', id: 's1', name: 'web_search', input: {} })],
    ['/messages/0/content/0', said({ type: 'container_upload', file_id: 'f' })],
    ['/messages/0/content/0/source', said({ type: 'image', source: { type: 'file', file_id: 'f' } })],
    ['/messages/0/content/0/source', said({ type: 'document', source: { type: 'file', file_id: 'f' } })],
    ['/messages/0/content/0/citations', said({ type: 'document', source: pdf, citations: { enabled: true } })],
    [
      '/messages/0/content/0/content/1',
      said({
        type: 'tool_result',
        tool_use_id: 't',
        content: [
          { type: 'text', text: 'x' },
          { type: 'document', source: pdf },
        ],
      }),
    ],
    [
      '/messages/0/content/0/content/0',
      said({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'tool_reference', tool_name: 'x' }] }),
    ],
  ] as [string, object][])('%s of %j', ([pointer, more]) => {
    expect(read(more).nativeOnly).toEqual([{ pointer, detail: 'has no counterpart for models of other providers' }]);
  });
});

describe('is refused, and named', () => {
  const check = validateWithZod({ schema: messagesBody, method: 'POST', url: '/v1/messages', httpPart: 'body' });
  const faultsOf = (body: object) => {
    const { error } = check(body) as { error?: { failure: { errors: unknown } } };
    return error?.failure.errors;
  };

  test.for([
    ['/max_tokens', 'is required', { max_tokens: undefined }],
    ['/max_tokens', 'must be >= 1', { max_tokens: 0 }],
    ['/max_tokens', 'must be a whole number', { max_tokens: 1.5 }],
    ['/model', 'is required', { model: undefined }],
    ['/messages', 'must have at least 1 item', { messages: [] }],
    ['/messages', 'is required', { messages: undefined }],
    ['/messages/0/role', 'is required', { messages: [{ content: 'x' }] }],
    ['/messages/0/content', 'must be a string or a list of content blocks', { messages: [{ role: 'user' }] }],
    ['/messages/0/content/0/type', 'is required', said({ text: 'x' })],
    ['/messages/0/content/0/text', 'is required', said({ type: 'text' })],
    ['/messages/0/content/0/source', 'is required', said({ type: 'image' })],
    ['/messages/0/content/0/source/url', 'is required', said({ type: 'image', source: { type: 'url' } })],
    [
      '/messages/0/content/0/source/data',
      'is required',
      said({ type: 'document', source: { type: 'base64', media_type: 'application/pdf' } }),
    ],
    ['/messages/0/content/0/input', 'must be an object', said({ type: 'tool_use', id: 't', name: 'x', input: '{}' })],
    ['/messages/0/content/0/tool_use_id', 'is required', said({ type: 'tool_result', content: 'x' })],
    [
      '/messages/0/content/0/content/0/text',
      'must be a string',
      said({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 1 }] }),
    ],
    ['/system', 'must be a string or a list of content blocks', { system: 1 }],
    ['/temperature', 'must be <= 1', { temperature: 1.5 }],
    ['/top_p', 'must be <= 1', { top_p: 1.5 }],
    ['/top_k', 'must be >= 0', { top_k: -1 }],
    ['/stream', 'must be true or false', { stream: 'yes' }],
    ['/stop_sequences', 'must be a list', { stop_sequences: 'END' }],
    ['/tools/0/input_schema', 'is required', { tools: [{ name: 'x' }] }],
    ['/tools/0/name', 'is required', { tools: [{ input_schema: {} }] }],
    ['/tool_choice/name', 'is required', { tool_choice: { type: 'tool' } }],
    ['/output_config/format/schema', 'is required', { output_config: { format: { type: 'json_schema' } } }],
    ['/metadata/user_id', 'must be a string', { metadata: { user_id: 1 } }],
  ] as [string, string, object][])('%s %s', ([pointer, detail, more]) => {
    expect(faultsOf({ ...least, ...more })).toEqual([{ pointer, detail }]);
  });

  test('what is nested so deep that nothing could walk it', () => {
    const nested = (depth: number): object =>
      JSON.parse(`${'{"type":"tool_result","tool_use_id":"t","content":['.repeat(depth)}${']}'.repeat(depth)}`);
    expect(faultsOf({ ...least, ...said(nested(5000)) })).toEqual([
      { pointer: '', detail: 'must not be nested deeper than 100 levels' },
    ]);
    expect(read(said(nested(2))).nativeOnly).toMatchObject([{ pointer: '/messages/0/content/0/content/0' }]);
  });

  test('blocks and tools of tomorrow are not', () => {
    const body = { ...least, ...said({ type: 'of_tomorrow', x: 1 }), tools: [{ type: 'of_tomorrow' }] };
    expect(faultsOf(body)).toBeUndefined();
  });

  test('a prompt in which only the system speaks', () => {
    expect(() => read({ messages: [{ role: 'system', content: 'x' }] })).toThrow('/messages: must have a message');
  });
});

const image = fc.record({
  type: fc.constant('image' as const),
  source: fc.oneof(
    fc.record({ kind: fc.constant('url' as const), url: fc.string({ minLength: 1 }) }),
    fc.record({ kind: fc.constant('base64' as const), mediaType: fc.constant('image/png'), data: fc.base64String() }),
  ),
});
const textPart = fc.record({ type: fc.constant('text' as const), text: fc.string() });
const part = fc.oneof(
  textPart,
  image,
  image.map(({ source }) => ({ type: 'document' as const, source, title: 'Bears' })),
  fc.record({
    type: fc.constant('tool-call' as const),
    id: fc.string({ minLength: 1 }),
    name: fc.string({ minLength: 1 }),
    arguments: fc.dictionary(fc.string(), fc.jsonValue()).map((input) => JSON.stringify(input)),
  }),
  fc.record(
    {
      type: fc.constant('tool-result' as const),
      callId: fc.string({ minLength: 1 }),
      content: fc.array(fc.oneof(textPart, image)),
      isError: fc.constant(true),
    },
    { requiredKeys: ['type', 'callId', 'content'] },
  ),
  fc.record(
    { type: fc.constant('reasoning' as const), text: fc.string(), signature: fc.string({ minLength: 1 }) },
    { requiredKeys: ['type', 'text'] },
  ),
) as fc.Arbitrary<Part>;

const role = fc.constantFrom('user' as const, 'assistant' as const);
const generation = fc.record(
  {
    system: fc.string(),
    messages: fc.array(fc.oneof(fc.record({ role, text: fc.string() }), fc.record({ role, parts: fc.array(part) })), {
      minLength: 1,
    }),
    maxTokens: fc.integer({ min: 1, max: 1e6 }),
    temperature: fc.double({ min: 0, max: 1, noNaN: true }),
    topP: fc.double({ min: 0, max: 1, noNaN: true }),
    stop: fc.array(fc.string(), { minLength: 1 }),
    toolChoice: fc.constantFrom('auto' as const, 'none' as const, 'required' as const, { name: 'look' }),
    reasoningEffort: fc.constantFrom(...reasoningEfforts.filter((effort) => effort !== 'none')),
  },
  { requiredKeys: ['messages', 'maxTokens'] },
) as fc.Arbitrary<Generation>;

/** The body of a generation, as a client would write it. */
function toBody({ system, messages, maxTokens, temperature, topP, stop, toolChoice, reasoningEffort }: Generation) {
  const choice =
    typeof toolChoice === 'object'
      ? { type: 'tool', ...toolChoice }
      : { type: toolChoice === 'required' ? 'any' : toolChoice };
  return {
    model: 'x',
    max_tokens: maxTokens,
    system,
    messages: messages.map((message) => ({
      role: message.role,
      content: 'parts' in message ? message.parts.map(toBlock) : message.text,
    })),
    temperature,
    top_p: topP,
    stop_sequences: stop,
    ...(toolChoice ? { tool_choice: choice } : {}),
    ...(reasoningEffort ? { output_config: { effort: reasoningEffort } } : {}),
  };
}

function toBlock(each: Part): object {
  switch (each.type) {
    case 'image':
    case 'document': {
      const { kind, ...rest } = each.source;
      const source =
        'data' in rest ? { type: kind, media_type: rest.mediaType, data: rest.data } : { type: kind, ...rest };
      return { type: each.type, source, ...('title' in each ? { title: each.title } : {}) };
    }
    case 'tool-call':
      return { type: 'tool_use', id: each.id, name: each.name, input: JSON.parse(each.arguments) };
    case 'tool-result':
      return {
        type: 'tool_result',
        tool_use_id: each.callId,
        content: each.content.map(toBlock),
        is_error: each.isError,
      };
    case 'reasoning':
      return { type: 'thinking', thinking: each.text, signature: each.signature };
    default:
      return { type: 'text', text: each.text };
  }
}

test('whatever can be said in both forms means the same in both', () => {
  fc.assert(
    fc.property(generation, (neutral) => {
      const body: MessagesBody = messagesBody.parse(JSON.parse(JSON.stringify(toBody(neutral))));
      expect(toGeneration(body)).toEqual({ generation: JSON.parse(JSON.stringify(neutral)), nativeOnly: [] });
    }),
  );
});
