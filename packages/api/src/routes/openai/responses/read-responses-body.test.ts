import { partsOf } from '@llm-gateway/shared/contracts/generation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readResponsesBody } from './read-responses-body.ts';
import { responsesBody } from './responses-body.ts';

const read = (body: object) => readResponsesBody(responsesBody.parse({ model: 'gpt-4o', input: 'hi', ...body }));

/** The neutral form, without the body that travels beside it. */
function neutral(body: object) {
  const { native: _native, ...generation } = read(body).generation;
  return generation;
}

const faults = (body: object) => read(body).nativeOnly.map(({ pointer }) => pointer);

const said = (...messages: object[]) => ({ messages });
const user = (...parts: object[]) => ({ role: 'user', parts });
const image = (source: object, more: object = {}) => ({ type: 'image', source, ...more });
const document = (source: object, more: object = {}) => ({ type: 'document', source, ...more });
const content = (...parts: object[]) => ({
  input: [{ role: 'user', content: [{ type: 'input_text', text: 'a' }, ...parts] }],
});
const a = { type: 'text', text: 'a' };
const tool = { type: 'function', name: 'f', parameters: { type: 'object' } };
const neutralTool = { name: 'f', parameters: { type: 'object' } };
const hi = [{ role: 'user', text: 'hi' }];
const ownThought = {
  type: 'reasoning',
  id: 'rs_01M84AFMN7N75S4NC9P52Q6ACC_0',
  summary: [{ type: 'summary_text', text: 'hm' }],
};

describe('the neutral form', () => {
  test.for<[string, object, object]>([
    ['a string', {}, said(...hi)],
    ['instructions', { instructions: 'be kind' }, { system: 'be kind', messages: hi }],
    ['a bare message', { input: [{ role: 'user', content: 'a' }] }, said({ role: 'user', text: 'a' })],
    [
      'rules of all kinds',
      {
        instructions: 'x',
        input: [
          { role: 'system', content: 'y' },
          { role: 'developer', content: [{ type: 'input_text', text: 'z' }] },
          { role: 'user', content: 'a' },
        ],
      },
      { system: 'x\n\ny\n\nz', messages: [{ role: 'user', text: 'a' }] },
    ],
    [
      'an image at an address',
      content({ type: 'input_image', image_url: 'https://x/y.png', detail: 'low' }),
      said(user(a, image({ kind: 'url', url: 'https://x/y.png' }, { detail: 'low' }))),
    ],
    [
      'an image of its own',
      content({ type: 'input_image', image_url: 'data:image/jpeg;base64,AAAA', detail: 'of_tomorrow' }),
      said(user(a, image({ kind: 'base64', mediaType: 'image/jpeg', data: 'AAAA' }))),
    ],
    [
      'files',
      content(
        { type: 'input_file', file_data: 'data:application/pdf;base64,AAAA', filename: 'a.pdf' },
        { type: 'input_file', file_url: 'https://x/y.pdf' },
      ),
      said(
        user(
          a,
          document({ kind: 'base64', mediaType: 'application/pdf', data: 'AAAA' }, { title: 'a.pdf' }),
          document({ kind: 'url', url: 'https://x/y.pdf' }),
        ),
      ),
    ],
    [
      'a turn of the model with calls, and their answers',
      {
        input: [
          { role: 'user', content: 'a' },
          ownThought,
          {
            type: 'message',
            role: 'assistant',
            content: [
              { type: 'output_text', text: 'b' },
              { type: 'refusal', refusal: 'no' },
            ],
          },
          { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
          { type: 'function_call', call_id: 'c2', name: 'g', arguments: '{"x":1}' },
          { type: 'function_call_output', call_id: 'c1', output: 'one' },
          { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'two' }] },
          { role: 'user', content: 'd' },
        ],
      },
      said(
        { role: 'user', text: 'a' },
        {
          role: 'assistant',
          parts: [
            { type: 'reasoning', text: 'hm' },
            { type: 'text', text: 'b' },
            { type: 'refusal', text: 'no' },
            { type: 'tool-call', id: 'c1', name: 'f', arguments: '{}' },
            { type: 'tool-call', id: 'c2', name: 'g', arguments: '{"x":1}' },
          ],
        },
        user(
          { type: 'tool-result', callId: 'c1', content: [{ type: 'text', text: 'one' }] },
          { type: 'tool-result', callId: 'c2', content: [{ type: 'text', text: 'two' }] },
        ),
        { role: 'user', text: 'd' },
      ),
    ],
    [
      'thoughts that we have told, with their seal',
      {
        input: [
          { role: 'user', content: 'a' },
          { ...ownThought, encrypted_content: 'sig' },
        ],
      },
      said(
        { role: 'user', text: 'a' },
        { role: 'assistant', parts: [{ type: 'reasoning', text: 'hm', signature: 'sig' }] },
      ),
    ],
    [
      'thoughts of OpenAI, without it',
      {
        input: [
          { role: 'user', content: 'a' },
          { ...ownThought, id: 'rs_abc', encrypted_content: 'sig' },
        ],
      },
      said({ role: 'user', text: 'a' }, { role: 'assistant', parts: [{ type: 'reasoning', text: 'hm' }] }),
    ],
    [
      'tools',
      {
        tools: [
          { ...tool, description: 'd', strict: true },
          { type: 'function', name: 'g', parameters: null },
        ],
        tool_choice: 'required',
        parallel_tool_calls: false,
      },
      {
        messages: hi,
        tools: [
          { ...neutralTool, description: 'd', strict: true },
          { name: 'g', parameters: { type: 'object', properties: {} } },
        ],
        toolChoice: 'required',
        parallelToolCalls: false,
      },
    ],
    [
      'a chosen tool',
      { tools: [tool], tool_choice: { type: 'function', name: 'f' } },
      { messages: hi, tools: [neutralTool], toolChoice: { name: 'f' } },
    ],
    [
      'allowed tools',
      {
        tools: [tool, { ...tool, name: 'g' }],
        tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'g' }] },
      },
      { messages: hi, tools: [{ ...neutralTool, name: 'g' }], toolChoice: 'auto' },
    ],
    ['no tools, whatever is said of them', { tools: [], tool_choice: 'auto', parallel_tool_calls: true }, said(...hi)],
    [
      'a format',
      {
        text: {
          format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true, description: null },
          verbosity: 'low',
        },
      },
      { messages: hi, responseFormat: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } },
    ],
    [
      'the rest',
      { reasoning: { effort: 'high', summary: 'auto' }, max_output_tokens: 8, temperature: 0.5, top_p: 0.9 },
      { messages: hi, reasoningEffort: 'high', maxTokens: 8, temperature: 0.5, topP: 0.9 },
    ],
  ])('of %s', ([, body, expected]) => {
    expect(neutral(body)).toEqual(expected);
    expect(faults(body)).toEqual([]);
  });

  test('says all that was said, in order, by whom it was said', () => {
    const item = fc.oneof(
      fc.record({ role: fc.constantFrom('user', 'assistant'), content: fc.string({ minLength: 1 }) }),
      fc.record({
        type: fc.constant('function_call'),
        call_id: fc.uuid(),
        name: fc.constant('f'),
        arguments: fc.string(),
      }),
      fc.record({ type: fc.constant('function_call_output'), call_id: fc.uuid(), output: fc.string() }),
    );
    fc.assert(
      fc.property(fc.array(item, { minLength: 1 }), (input) => {
        const { messages } = neutral({ input });
        const told = messages.flatMap((message) => partsOf(message).map((part) => ({ role: message.role, part })));
        const expected = input.map((one) => {
          if ('content' in one) return { role: one.role, part: { type: 'text', text: one.content } };
          if ('output' in one) {
            return {
              role: 'user',
              part: { type: 'tool-result', callId: one.call_id, content: [{ type: 'text', text: one.output }] },
            };
          }
          return {
            role: 'assistant',
            part: { type: 'tool-call', id: one.call_id, name: 'f', arguments: one.arguments },
          };
        });
        expect(told).toEqual(expected);
        // Answers to calls stand together, as do the calls: some providers know them only so.
        for (const [index, message] of messages.entries()) {
          const isResults = partsOf(message).some(({ type }) => type === 'tool-result');
          const before = messages[index - 1];
          if (isResults && before) expect(partsOf(before).some(({ type }) => type === 'tool-result')).toBe(false);
        }
      }),
    );
  });
});

describe('what only a provider that speaks the dialect can be told', () => {
  test.for<[object, string[]]>([
    [{ tools: [tool, { type: 'web_search' }, { type: 'custom', name: 'x' }] }, ['/tools/1', '/tools/2']],
    [{ tools: [tool], tool_choice: { type: 'web_search_preview' } }, ['/tool_choice']],
    [{ include: ['reasoning.encrypted_content', 'message.output_text.logprobs'] }, ['/include/1']],
    [
      { previous_response_id: 'resp_1', max_tool_calls: 1, top_logprobs: 3 },
      ['/previous_response_id', '/top_logprobs', '/max_tool_calls'],
    ],
    [{ truncation: 'auto', service_tier: 'flex' }, ['/truncation', '/service_tier']],
    [
      { truncation: 'disabled', service_tier: 'auto', top_logprobs: 0, store: true, user: 'u', prompt_cache_key: 'k' },
      [],
    ],
    [{ prompt: { id: 'pmpt_1' } }, ['/prompt']],
    [
      {
        input: [
          { role: 'user', content: 'a' },
          { type: 'item_reference', id: 'msg_1' },
        ],
      },
      ['/input/1'],
    ],
    [
      {
        input: [
          { role: 'critic', content: 'a' },
          { role: 'user', content: 'a' },
        ],
      },
      ['/input/0/role'],
    ],
    [content({ type: 'input_audio', data: 'x' }), ['/input/0/content/1']],
    [content({ type: 'input_image', file_id: 'file_1' }), ['/input/0/content/1']],
    [
      {
        input: [
          { role: 'user', content: 'a' },
          { type: 'function_call', name: 'f', arguments: '{}' },
        ],
      },
      ['/input/1/call_id'],
    ],
    [{ input: [{ role: 'developer', content: 'be kind' }] }, ['/input']],
    [{ reasoning: { effort: 'of_tomorrow' } }, ['/reasoning/effort']],
    [{ text: { format: { type: 'grammar' } } }, ['/text/format']],
  ])('of %j is %j', ([body, pointers]) => {
    expect(faults(body)).toEqual(pointers);
    expect(read(body).nativeOnly.every(({ detail }) => detail !== '')).toBe(true);
  });

  test('travels as it came', () => {
    const body = { input: 'hi', model: 'gpt-4o', tools: [{ type: 'x', y: null }], z: { a: [null] }, temperature: null };
    const more = { gateway: { priority: 3 }, stream: true, stream_options: {}, background: false };
    expect(read({ ...body, ...more }).generation.native).toEqual({
      api: 'responses',
      body,
      asked: { background: false },
    });
  });
});

test.for<[object, object]>([
  [{ user: 'ann' }, { id: 'ann', pointer: '/user' }],
  [
    { user: 'ann', safety_identifier: 'bob' },
    { id: 'bob', pointer: '/safety_identifier' },
  ],
  [{ user: 'x'.repeat(129) }, { id: expect.stringMatching(/^[0-9a-f]{64}$/), pointer: '/user' }],
])('%j is counted for %j', ([body, expected]) => expect(read(body).user).toEqual(expected));

test.for<[object, string]>([
  [{}, 'when-asked'],
  [{ temperature: 0 }, 'unless-refused'],
  [{ temperature: 0, store: false }, 'unless-refused'],
  [{ temperature: 0, store: true }, 'never'],
  [{ temperature: 0, previous_response_id: 'resp_1' }, 'never'],
  [{ temperature: 0, tools: [{ type: 'web_search' }] }, 'never'],
  [{ temperature: 0, tools: [tool] }, 'unless-refused'],
])('%j is cached %s', ([body, caching]) => expect(read(body).caching).toBe(caching));
