import type { Message } from '@anthropic-ai/sdk/resources';
import { describe, expect } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { collect, test } from '../test-with-sandbox.ts';

const hello = {
  model: 'claude-haiku-4-5',
  max_tokens: 200,
  system: 'Be brief.',
  messages: [{ role: 'user' as const, content: 'Tell me about bears.' }],
};
const tool = {
  name: 'get_weather',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
};

const textOf = ({ content }: Message) => content.map((block) => (block.type === 'text' ? block.text : '')).join('');

describe('whole', () => {
  test('the text, the usage and the bill agree', async ({ anthropic, sandbox }) => {
    const message = await anthropic.messages.create(hello);
    expect(textOf(message)).toMatch(/^\[sandbox\] claude-haiku-4-5 heard "Tell me about bears\."/);
    expect(message).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn', stop_sequence: null });
    const { input_tokens, output_tokens } = message.usage;
    expect(output_tokens).toBe(countTokens(textOf(message)));
    expect(input_tokens).toBe(countTokens('Be brief.') + countTokens('Tell me about bears.') + 2 * 3 + 3);
    expect(await sandbox.bill()).toMatchObject({ prompt_tokens: input_tokens, completion_tokens: output_tokens });
  });

  test('max_tokens cuts, a stop sequence ends', async ({ anthropic }) => {
    const cut = await anthropic.messages.create({ ...hello, max_tokens: 9 });
    expect(cut).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 9 } });
    const stopped = await anthropic.messages.create({ ...hello, stop_sequences: [' heard'] });
    expect(stopped).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: ' heard' });
    expect(textOf(stopped)).toBe('[sandbox] claude-haiku-4-5');
  });

  test('a tool call and the turn after it', async ({ anthropic, sandbox }) => {
    const message = await anthropic.messages.create({ ...hello, tools: [tool], tool_choice: { type: 'any' } });
    const [call] = message.content;
    if (call?.type !== 'tool_use') throw new Error('no tool use');
    expect(message.stop_reason).toBe('tool_use');
    expect(call).toMatchObject({ name: 'get_weather', input: { city: 'sandbox city' } });
    expect(await sandbox.bill()).toMatchObject({ completion_tokens: message.usage.output_tokens });
    const next = await anthropic.messages.create({
      ...hello,
      tools: [tool],
      messages: [
        { role: 'user', content: 'please [[tool]]' },
        { role: 'assistant', content: [{ type: 'tool_use', id: call.id, name: call.name, input: call.input }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'Sunny.' }] },
      ],
    });
    expect(textOf(next)).toContain('heard "Sunny."');
  });

  test.for([
    [{ ...hello, max_tokens: undefined }, 'max_tokens: Field required'],
    [{ ...hello, messages: [] }, 'messages: '],
    [{ ...hello, messages: [{ role: 'bear', content: 'grr' }] }, 'messages.0.role: '],
  ] as const)('400 for %j', async ([body, message], { sandbox }) => {
    const response = await sandbox.post('/v1/messages', body);
    expect(response.status).toBe(400);
    const { error, request_id } = (await response.json()) as {
      error: { type: string; message: string };
      request_id: string;
    };
    expect(error.type).toBe('invalid_request_error');
    expect(error.message).toContain(message);
    expect(request_id).toBe(response.headers.get('request-id'));
  });
});

describe('streamed', () => {
  test('the events come in order and carry the text of the plain answer', async ({ anthropic, sandbox }) => {
    const plain = await anthropic.messages.create(hello);
    await sandbox.reset();
    const response = await sandbox.post('/v1/messages', { ...hello, stream: true });
    const names = [...(await response.text()).matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect(names.filter((name, at) => name !== names[at - 1])).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    const { input_tokens, output_tokens } = plain.usage;
    expect(await sandbox.bill()).toMatchObject({ prompt_tokens: input_tokens, completion_tokens: output_tokens });
    const final = await anthropic.messages.stream(hello).finalMessage();
    expect(textOf(final)).toBe(textOf(plain));
    expect(final.usage).toMatchObject({ input_tokens, output_tokens });
  });

  test("the SDK's own accumulator rebuilds a tool call", async ({ anthropic, sandbox }) => {
    const body = { ...hello, tools: [tool], tool_choice: { type: 'tool' as const, name: 'get_weather' } };
    const final = await anthropic.messages.stream(body).finalMessage();
    expect(final.content).toMatchObject([{ type: 'tool_use', name: 'get_weather', input: { city: 'sandbox city' } }]);
    expect(await sandbox.bill()).toMatchObject({ completion_tokens: final.usage.output_tokens });
  });

  test('raw iteration ends with the cumulative usage', async ({ anthropic }) => {
    const events = await collect(await anthropic.messages.create({ ...hello, max_tokens: 6, stream: true }));
    expect(events.at(-2)).toMatchObject({
      type: 'message_delta',
      delta: { stop_reason: 'max_tokens' },
      usage: { output_tokens: 6 },
    });
  });
});

describe('count_tokens', () => {
  test('counts what the message would be charged for its prompt, and charges nothing', async ({
    anthropic,
    sandbox,
  }) => {
    const { max_tokens: _unused, ...counted } = hello;
    const { input_tokens } = await anthropic.messages.countTokens({ ...counted, tools: [tool] });
    expect(await sandbox.bill()).toMatchObject({ calls: 0 });
    const message = await anthropic.messages.create({ ...hello, tools: [tool] });
    expect(input_tokens).toBe(message.usage.input_tokens);
  });
});
