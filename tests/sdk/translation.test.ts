import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { describe, expect, test } from 'vitest';
import { anthropic, claude, gpt, openAI } from './clients.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const user = (content: string) => ({ role: 'user' as const, content });
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];
const call = (id: string, given: string) => ({
  id,
  type: 'function' as const,
  function: { name: 'weather', arguments: given },
});

/** What Claude's provider is sent for a chat, or the error of a refusal. */
async function sentToClaude(
  body: { messages: ChatCompletionMessageParam[]; model?: string } & Record<string, unknown>,
) {
  const errand = world.errand();
  await openAI('openai 7', world.url).chat.completions.create({ model: claude, ...body }, errand.options);
  return (await world.callFor(errand)).body;
}

/** What OpenAI is sent for a message. */
async function sentToGpt(body: { messages: MessageParam[]; model?: string } & Record<string, unknown>) {
  const errand = world.errand();
  await anthropic('anthropic 1', world.url).messages.create({ model: gpt, max_tokens: 100, ...body }, errand.options);
  return (await world.callFor(errand)).body;
}

describe('a chat as Claude is told it', () => {
  test('turns alternate, and results of several calls come in one turn, before what is said next', async () => {
    const { messages } = await sentToClaude({
      tools,
      messages: [
        user('One'),
        user('Two'),
        { role: 'assistant', content: 'I look', tool_calls: [call('call_1', '{"city":"Rome"}'), call('call_2', '')] },
        { role: 'tool', tool_call_id: 'call_1', content: 'Sunny' },
        { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'Rainy' }] },
        user('And now?'),
      ],
    });
    const said = messages as { role: string; content: string | Record<string, unknown>[] }[];
    expect(said.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
    expect(said[1]?.content).toMatchObject([
      { type: 'text', text: 'I look' },
      { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Rome' } },
      { type: 'tool_use', id: 'call_2', name: 'weather', input: {} },
    ]);
    expect(said[2]?.content).toMatchObject([
      { type: 'tool_result', tool_use_id: 'call_1' },
      { type: 'tool_result', tool_use_id: 'call_2' },
      { type: 'text', text: 'And now?' },
    ]);
  });

  test.for([
    { what: 'an empty answer beside a call', content: '' },
    { what: 'no answer beside a call', content: null },
  ])('$what is no text block: Claude takes none that is empty', async ({ content }) => {
    const { messages } = await sentToClaude({
      tools,
      messages: [
        user('How is it?'),
        { role: 'assistant', content, tool_calls: [call('call_1', '{}')] },
        { role: 'tool', tool_call_id: 'call_1', content: 'Sunny' },
      ],
    });
    expect((messages as unknown[])[1]).toMatchObject({ role: 'assistant', content: [{ type: 'tool_use' }] });
  });

  test('arguments that are no JSON object are told as the model wrote them', async () => {
    const { messages } = await sentToClaude({
      tools,
      messages: [
        user('How is it?'),
        { role: 'assistant', content: null, tool_calls: [call('call_1', '{"city": ')] },
        { role: 'tool', tool_call_id: 'call_1', content: 'What?' },
      ],
    });
    const input = { INVALID_JSON: '{"city": ' };
    expect((messages as unknown[])[1]).toMatchObject({ content: [{ type: 'tool_use', id: 'call_1', input }] });
  });

  test('instructions in the middle of a chat are not lost', async () => {
    const sent = await sentToClaude({
      messages: [
        { role: 'system', content: 'First rule' },
        user('Hi'),
        { role: 'developer', content: 'Second rule' },
        user('Go'),
      ],
    });
    expect(JSON.stringify(sent)).toMatch(/First rule/);
    expect(JSON.stringify(sent)).toMatch(/Second rule/);
    expect((sent.messages as { role: string }[]).every(({ role }) => role === 'user' || role === 'assistant')).toBe(
      true,
    );
  });

  test('an answer that was begun is gone on with', async () => {
    const { messages } = await sentToClaude({ messages: [user('Count'), { role: 'assistant', content: 'One, two' }] });
    expect((messages as unknown[]).at(-1)).toMatchObject({ role: 'assistant' });
  });

  test.for([
    { effort: 'high' as const, model: claude, limit: undefined, thinking: 'enabled' },
    { effort: 'minimal' as const, model: claude, limit: 10_000, thinking: 'enabled' },
    { effort: 'none' as const, model: claude, limit: undefined, thinking: undefined },
    // There is no room for the least that it can be told to think.
    { effort: 'high' as const, model: claude, limit: 200, thinking: undefined },
  ])('thinking ($effort, at most $limit tokens) is asked for as Claude takes it', async (row) => {
    const { effort: reasoning_effort, model, limit, thinking: type } = row;
    const sent = await sentToClaude({
      model,
      messages: [user('Think')],
      reasoning_effort,
      ...(limit === undefined ? {} : { max_completion_tokens: limit }),
    });
    const thinking = sent.thinking as { type: string; budget_tokens: number } | undefined;
    expect(thinking?.type).toBe(type);
    if (!thinking) return;
    expect(thinking.budget_tokens).toBeGreaterThanOrEqual(1024);
    expect(sent.max_tokens).toBeGreaterThan(thinking.budget_tokens);
  });

  test('a temperature that was asked for comes before thinking, which has one of its own', async () => {
    const sent = await sentToClaude({ messages: [user('Think')], reasoning_effort: 'high', temperature: 0.5 });
    expect(sent.temperature).toBe(0.5);
    expect(sent).not.toHaveProperty('thinking');
  });

  test('a tool that must be called is not asked for together with thinking, which Claude refuses', async () => {
    const body = { messages: [user('Think')], tools, reasoning_effort: 'high' };
    const sent = await sentToClaude({ ...body, tool_choice: 'required' });
    expect(sent.tool_choice).toMatchObject({ type: 'any' });
    expect(sent).not.toHaveProperty('thinking');
  });

  test('temperature is not sent to a model that takes none', async () => {
    const sent = await sentToClaude({ model: 'claude-opus-5', messages: [user('Cool')], temperature: 0.2 });
    expect(sent).not.toHaveProperty('temperature');
  });

  test('who is asking is told to the provider as a user, not by name', async () => {
    const sent = await sentToClaude({ messages: [user('Who?')], safety_identifier: 'ada@example.com' });
    expect(JSON.stringify(sent)).not.toContain('safety_identifier');
  });
});

describe('a message as OpenAI is told it', () => {
  const weather = [{ name: 'weather', input_schema: { ...parameters, type: 'object' as const } }];

  test('results come right after their calls, each in a message of its own, and what is said with them after that', async () => {
    const { messages } = await sentToGpt({
      tools: weather,
      messages: [
        user('How is it?'),
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I look' },
            { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Rome' } },
            { type: 'tool_use', id: 'toolu_2', name: 'weather', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'toolu_1', content: 'Sunny' },
            { type: 'tool_result', tool_use_id: 'toolu_2', content: 'No such city', is_error: true },
            { type: 'text', text: 'And now?' },
          ],
        },
      ],
    });
    expect(messages).toMatchObject([
      { role: 'user' },
      {
        role: 'assistant',
        content: 'I look',
        tool_calls: [
          { id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
          { id: 'toolu_2', type: 'function', function: { name: 'weather', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'toolu_1' },
      { role: 'tool', tool_call_id: 'toolu_2' },
      { role: 'user' },
    ]);
    expect(JSON.stringify((messages as unknown[]).at(-1))).toContain('And now?');
    expect(JSON.stringify((messages as unknown[])[3])).toContain('No such city');
  });

  test('a tool that returned nothing has answered all the same', async () => {
    const { messages } = await sentToGpt({
      tools: weather,
      messages: [
        user('Do it'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1' }] },
      ],
    });
    expect((messages as unknown[]).at(-1)).toMatchObject({
      role: 'tool',
      tool_call_id: 'toolu_1',
      content: expect.anything(),
    });
  });

  test('thoughts of Claude are not told to another model as its own words', async () => {
    const { messages } = await sentToGpt({
      messages: [
        user('Think'),
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Secret thoughts', signature: 'c2lnbmVk' },
            { type: 'text', text: 'Done' },
          ],
        },
        user('Go on'),
      ],
    });
    expect(JSON.stringify(messages)).not.toContain('Secret thoughts');
    expect((messages as unknown[])[1]).toMatchObject({ role: 'assistant' });
  });

  test('reasoning models are told the limit by the only name that they take', async () => {
    const sent = await sentToGpt({ model: 'gpt-5', messages: [user('Short')] });
    expect(sent.max_completion_tokens).toBe(100);
    expect(sent).not.toHaveProperty('max_tokens');
  });

  test('more stop sequences than OpenAI takes are refused by their name', async () => {
    const asked = sentToGpt({ messages: [user('Stop')], stop_sequences: ['a', 'b', 'c', 'd', 'e'] });
    await expect(asked).rejects.toMatchObject({ status: 400, message: expect.stringContaining('stop_sequences') });
  });
});

describe('a response as Claude is told it', () => {
  const responses = () => openAI('openai 7', world.url).responses;

  test.for([
    ['tools', { tools: [{ type: 'web_search' as const }] }],
    ['conversation', { conversation: 'conv_1' }],
    ['input', { input: [{ type: 'item_reference' as const, id: 'msg_1' }] }],
    ['prompt', { prompt: { id: 'pmpt_1' } }],
    ['text.format', { text: { format: { type: 'json_object' as const } } }],
    ['top_logprobs', { top_logprobs: 3, include: ['message.output_text.logprobs' as const] }],
  ] as const)('%s is refused by its name, before anything is bought', async ([name, member]) => {
    const errand = world.errand();
    const body = { model: claude, input: 'Not for you', ...member } as { model: string; input: string };
    const error = await responses()
      .create(body, errand.options)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error' });
    expect((error as { param: string }).param.startsWith(name)).toBe(true);
    expect(await world.gateway().sandbox.calls({ request_id: errand.id })).toEqual([]);
  });

  test('what it thought, called and heard comes in turns', async () => {
    const errand = world.errand();
    const input = [
      { role: 'user' as const, content: 'How is it?' },
      { type: 'reasoning' as const, id: 'rs_1', summary: [{ type: 'summary_text' as const, text: 'Hm' }] },
      { type: 'function_call' as const, call_id: 'call_1', name: 'weather', arguments: '{"city":"Rome"}' },
      { type: 'function_call' as const, call_id: 'call_2', name: 'weather', arguments: '{}' },
      { type: 'function_call_output' as const, call_id: 'call_1', output: 'Sunny' },
      { type: 'function_call_output' as const, call_id: 'call_2', output: 'Rainy' },
    ];
    const tool = { type: 'function' as const, name: 'weather', parameters, strict: false };
    await responses().create({ model: claude, input, tools: [tool] }, errand.options);
    const { messages } = (await world.callFor(errand)).body;
    expect(messages).toMatchObject([
      { role: 'user' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'call_1', input: { city: 'Rome' } },
          { type: 'tool_use', id: 'call_2', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_1' },
          { type: 'tool_result', tool_use_id: 'call_2' },
        ],
      },
    ]);
  });
});
