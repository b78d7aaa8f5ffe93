import type { Message, MessageCreateParamsNonStreaming } from '@anthropic-ai/sdk/resources';
import { describe, expect } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { collect, test } from '../test-with-sandbox.ts';

const toolNamed = (name: string) => ({
  name,
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
});
const tools = ['get_weather', 'get_time', 'get_news'].map(toolNamed);
const ask = (content: string, more: object = {}): MessageCreateParamsNonStreaming => ({
  model: 'claude-haiku-4-5',
  max_tokens: 2_000,
  messages: [{ role: 'user', content }],
  ...more,
});
const thinking = { thinking: { type: 'enabled', budget_tokens: 1_024 } };

const withoutIds = (message: Message) =>
  JSON.parse(
    JSON.stringify(message, (key, value) => (['id', 'parsed_output'].includes(key) ? undefined : value)),
  ) as object;
const calledIn = ({ content }: Message) => content.flatMap((block) => (block.type === 'tool_use' ? [block.name] : []));

describe('whole and stream agree, and both are the bill', () => {
  test.for([
    ['text', ask('Hello')],
    ['all tools', ask('[[tools]]', { tools })],
    ['named tools', ask('[[tool:get_news]] [[tool:get_time]]', { tools })],
    ['a tool without arguments', ask('[[tool]]', { tools: [{ name: 'now', input_schema: { type: 'object' } }] })],
    ['thinking', ask('Hello', thinking)],
    ['adaptive thinking, then tools', ask('[[tools]]', { tools, thinking: { type: 'adaptive' } })],
    ['thinking that is not shown', ask('Hello', { thinking: { type: 'adaptive', display: 'omitted' } })],
    ['a refusal', ask('[[refuse]]')],
    ['a container', ask('Hello', { container: 'container_1' })],
    ['JSON', ask('Hello', { output_config: { format: { type: 'json_schema', schema: { const: 7 } } } })],
  ] as const)('%s', async ([, body], { anthropic, sandbox }) => {
    const whole = await anthropic.messages.create(body);
    const { input_tokens, output_tokens } = whole.usage;
    const bill = { calls: 1, prompt_tokens: input_tokens, completion_tokens: output_tokens };
    expect(await sandbox.bill()).toMatchObject(bill);
    await sandbox.reset();
    const final = await anthropic.messages.stream(body).finalMessage();
    expect(withoutIds(final)).toEqual(withoutIds(whole));
    expect(await sandbox.bill()).toMatchObject(bill);
  });
});

describe('tools', () => {
  test.for([
    [{ type: 'auto' }, ['get_weather', 'get_time', 'get_news']],
    [{ type: 'auto', disable_parallel_tool_use: true }, ['get_weather']],
    [{ type: 'any', disable_parallel_tool_use: true }, ['get_weather']],
    [{ type: 'tool', name: 'get_time' }, ['get_time']],
    [{ type: 'none' }, []],
  ] as const)('%j calls %j', async ([tool_choice, called], { anthropic }) => {
    const message = await anthropic.messages.create(ask('[[tools]]', { tools, tool_choice }));
    expect(calledIn(message)).toEqual(called);
    expect(message.stop_reason).toBe(called.length > 0 ? 'tool_use' : 'end_turn');
  });

  test('a turn with results of several tools is answered in words, and thoughts are not read again', async ({
    anthropic,
  }) => {
    const body = ask('[[tools]]', { tools, ...thinking });
    const { content } = await anthropic.messages.create(body);
    const results = content.flatMap((block) =>
      block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'Sunny.' }] : [],
    );
    expect(results).toHaveLength(3);
    const turn = (said: object[]) => ({
      ...body,
      messages: [...body.messages, { role: 'assistant', content: said }, { role: 'user', content: results }],
    });
    const next = await anthropic.messages.create(turn(content) as unknown as MessageCreateParamsNonStreaming);
    expect(next.stop_reason).toBe('end_turn');
    expect(next.content.at(-1)).toMatchObject({ text: expect.stringContaining('heard "Sunny. Sunny. Sunny."') });
    const withoutThoughts = content.filter(({ type }) => type !== 'thinking');
    const same = await anthropic.messages.create(turn(withoutThoughts) as unknown as MessageCreateParamsNonStreaming);
    expect(same.usage.input_tokens).toBe(next.usage.input_tokens);
  });
});

test('thinking comes first, with a signature, and is billed as output', async ({ anthropic }) => {
  const { content, usage } = await anthropic.messages.create(ask('Hello', thinking));
  const [thought, said] = content;
  if (thought?.type !== 'thinking' || said?.type !== 'text') throw new Error('no thinking before the text');
  expect(usage.output_tokens_details).toEqual({ thinking_tokens: countTokens(thought.thinking) });
  expect(usage.output_tokens).toBe(countTokens(thought.thinking) + countTokens(said.text));
  expect(thought.signature).not.toBe('');
  const events = await collect(await anthropic.messages.create({ ...ask('Hello', thinking), stream: true }));
  const deltas = events.flatMap((event) => (event.type === 'content_block_delta' ? [event.delta.type] : []));
  expect(deltas.filter((type, at) => type !== deltas[at - 1])).toEqual([
    'thinking_delta',
    'signature_delta',
    'text_delta',
  ]);
});

test('a refusal has its own stop reason', async ({ anthropic }) => {
  expect(await anthropic.messages.create(ask('[[refuse]]'))).toMatchObject({
    stop_reason: 'refusal',
    stop_details: { type: 'refusal' },
  });
});

test('members of no documented name are on the message, on each block and in a delta', async ({ anthropic }) => {
  const unknown = { of: 'sandbox', list: [1, 'two', null] };
  const whole = await anthropic.messages.create(ask('Hello [[unknown]]'));
  expect(whole).toMatchObject({ x_sandbox: unknown, content: [{ x_block: unknown }] });
  const events = await collect(await anthropic.messages.create({ ...ask('Hello [[unknown]]'), stream: true }));
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'content_block_delta', delta: expect.objectContaining({ x_delta: unknown }) }),
  );
  expect(events[0]).toMatchObject({ message: { x_sandbox: unknown } });
});

test('images and documents cost something and are no text', async ({ anthropic }) => {
  const source = { type: 'base64' as const, media_type: 'image/png' as const, data: 'AAAA' };
  const plain = await anthropic.messages.create(ask('Look'));
  const seen = await anthropic.messages.create({
    ...ask(''),
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look' },
          { type: 'image', source },
        ],
      },
    ],
  });
  expect(seen.usage.input_tokens).toBe(plain.usage.input_tokens + 85);
});

test.for(['temperature', 'top_p', 'top_k'])('%s: refused from version 2026-10-21 on', async (name, { sandbox }) => {
  const statusOf = async (version: string, value: unknown) => {
    const body = { ...ask('Hello'), [name]: value };
    const response = await sandbox.post('/v1/messages', body, { 'anthropic-version': version });
    if (response.status === 400) expect(await response.text()).toContain(`${name}: `);
    return response.status;
  };
  expect([
    await statusOf('2023-06-01', 1),
    await statusOf('2026-10-21', 1),
    await statusOf('2026-10-21', null),
  ]).toEqual([200, 400, 200]);
});
