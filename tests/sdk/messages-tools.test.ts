import type { ContentBlock, MessageParam, ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { describe, expect, test } from 'vitest';
import { anthropic, anthropicCases, claude } from './clients.ts';
import { png } from './media.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const input_schema = {
  type: 'object' as const,
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city'],
};
const tool = (name: string) => ({ name, description: `The ${name} of a city`, input_schema });
const tools = [tool('weather'), tool('time')];
const user = (content: MessageParam['content']): MessageParam => ({ role: 'user', content });
const input = { city: 'sandbox city' };

const callsOf = (content: ContentBlock[]) =>
  content.flatMap((block) =>
    block.type === 'tool_use' ? [{ name: block.name, input: block.input, id: block.id }] : [],
  );
const withoutIds = (content: ContentBlock[]) => callsOf(content).map(({ name, input }) => ({ name, input }));

describe.for(anthropicCases)('tools of $client with $model', ({ client: major, model, isNative }) => {
  const client = () => anthropic(major, world.url);
  const common = { model, max_tokens: 500, tools };

  test.for([
    { manner: 'text', content: 'Sunny, 21 degrees' as NonNullable<ToolResultBlockParam['content']> },
    { manner: 'blocks', content: [{ type: 'text' as const, text: 'Sunny, 21 degrees' }] },
  ])('a tool is called, and its result, as $manner, leads to an answer', async ({ content }) => {
    const asked = world.errand();
    const opening = [user('How is the weather? [[tool]]')];
    const calling = await client().messages.create({ ...common, messages: opening }, asked.options);
    expect(calling.stop_reason).toBe('tool_use');
    const calls = callsOf(calling.content);
    expect(calls).toEqual([{ name: 'weather', input, id: expect.stringMatching(/./) }]);
    await world.expectBilled(asked, { prompt: calling.usage.input_tokens, completion: calling.usage.output_tokens });

    const answered = world.errand();
    const messages: MessageParam[] = [
      ...opening,
      { role: 'assistant', content: calling.content },
      user([{ type: 'tool_result', tool_use_id: calls[0]?.id ?? '', content }]),
    ];
    const answer = await client().messages.create({ ...common, messages }, answered.options);
    expect(answer.stop_reason).toBe('end_turn');
    expect(answer.content).toMatchObject([{ text: expect.stringContaining('heard "Sunny, 21 degrees"') }]);
    await world.expectBilled(answered, { prompt: answer.usage.input_tokens, completion: answer.usage.output_tokens });
    if (!isNative) {
      const { body } = await world.callFor(answered);
      expect(body.messages).toMatchObject([
        { role: 'user' },
        { role: 'assistant', tool_calls: [{ id: calls[0]?.id, type: 'function', function: { name: 'weather' } }] },
        { role: 'tool', tool_call_id: calls[0]?.id },
      ]);
      expect(body.tools).toMatchObject([
        { type: 'function', function: { name: 'weather', parameters: input_schema } },
        { type: 'function', function: { name: 'time' } },
      ]);
    }
  });

  test('several tools are called at once, whole and streamed, and all of their results are heard', async () => {
    const opening = [user('Tell me both [[tools]]')];
    const whole = await client().messages.create({ ...common, messages: opening });
    const both = [
      { name: 'weather', input },
      { name: 'time', input },
    ];
    expect(withoutIds(whole.content)).toEqual(both);
    const built = await client()
      .messages.stream({ ...common, messages: opening })
      .finalMessage();
    expect(withoutIds(built.content)).toEqual(both);
    expect(built.stop_reason).toBe('tool_use');

    const errand = world.errand();
    const results = callsOf(built.content).map(({ id }, index) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: `Result ${index}`,
      is_error: index === 1,
    }));
    const messages = [...opening, { role: 'assistant' as const, content: built.content }, user(results)];
    const answer = await client().messages.create({ ...common, messages }, errand.options);
    expect(answer.stop_reason).toBe('end_turn');
    const said = JSON.stringify((await world.callFor(errand)).body.messages);
    expect(said).toMatch(/Result 0.*Result 1/);
  });

  test('the blocks of streamed calls are numbered densely, open empty and add up to JSON', async () => {
    const events = await take(
      await client().messages.create({ ...common, messages: [user('[[tools]]')], stream: true }),
    );
    const starts = events.flatMap((event) => (event.type === 'content_block_start' ? [event] : []));
    expect(starts.map(({ index }) => index)).toEqual([0, 1]);
    expect(starts.map(({ content_block }) => content_block)).toMatchObject([
      { type: 'tool_use', name: 'weather', input: {} },
      { type: 'tool_use', name: 'time', input: {} },
    ]);
    for (const { index } of starts) {
      const json = events.flatMap((event) =>
        event.type === 'content_block_delta' && event.index === index && event.delta.type === 'input_json_delta'
          ? [event.delta.partial_json]
          : [],
      );
      expect(JSON.parse(json.join(''))).toEqual(input);
    }
    const order = events.flatMap((event) =>
      event.type === 'content_block_start' || event.type === 'content_block_stop'
        ? [`${event.type} ${event.index}`]
        : [],
    );
    expect(order).toEqual([
      'content_block_start 0',
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_stop 1',
    ]);
    expect(events.find(({ type }) => type === 'message_delta')).toMatchObject({ delta: { stop_reason: 'tool_use' } });
  });

  test('disable_parallel_tool_use has one tool called at most', async () => {
    const tool_choice = { type: 'auto' as const, disable_parallel_tool_use: true };
    const answer = await client().messages.create({ ...common, messages: [user('[[tools]]')], tool_choice });
    expect(withoutIds(answer.content)).toEqual([{ name: 'weather', input }]);
  });

  test.for([
    { choice: { type: 'any' as const }, prompt: 'Just talk', names: ['weather'] },
    { choice: { type: 'none' as const }, prompt: '[[tools]]', names: [] },
    { choice: { type: 'auto' as const }, prompt: 'Just talk', names: [] },
    { choice: { type: 'tool' as const, name: 'time' }, prompt: 'Just talk', names: ['time'] },
  ])('tool_choice $choice leads to $names', async ({ choice, prompt, names }) => {
    const body = { ...common, messages: [user(prompt)], tool_choice: choice };
    for (const { content } of [
      await client().messages.create(body),
      await client().messages.stream(body).finalMessage(),
    ]) {
      expect(callsOf(content).map(({ name }) => name)).toEqual(names);
    }
  });

  test("the SDK's tool runner goes round until there is an answer", async () => {
    const seen: unknown[] = [];
    const runner = client().beta.messages.toolRunner({
      model,
      max_tokens: 500,
      messages: [{ role: 'user', content: 'Find out [[tool]]' }],
      tools: [
        {
          type: 'custom',
          ...tool('weather'),
          parse: (given: unknown) => given,
          run: async (given: unknown) => {
            seen.push(given);
            return 'Rain all day';
          },
        },
      ],
    });
    const answer = await runner.runUntilDone();
    expect(answer.content).toMatchObject([{ type: 'text', text: expect.stringContaining('heard "Rain all day"') }]);
    expect(seen).toEqual([input]);
  });

  test('a tool may return an image', async () => {
    const errand = world.errand();
    const opening = [user('Draw it [[tool]]')];
    const calling = await client().messages.create({ ...common, messages: opening });
    const [call] = callsOf(calling.content);
    const image = {
      type: 'image' as const,
      source: { type: 'base64' as const, media_type: 'image/png' as const, data: png },
    };
    const result = { type: 'tool_result' as const, tool_use_id: call?.id ?? '', content: [image] };
    const messages = [...opening, { role: 'assistant' as const, content: calling.content }, user([result])];
    const answer = client().messages.create({ ...common, messages }, errand.options);
    if (isNative) {
      expect((await answer).stop_reason).toBe('end_turn');
      expect((await world.callFor(errand)).body.messages).toEqual(JSON.parse(JSON.stringify(messages)));
      return;
    }
    // A tool's message of OpenAI's has no place for it: it is shown by the user, right after.
    await answer;
    expect((await world.callFor(errand)).body.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant' },
      { role: 'tool', tool_call_id: call?.id },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } }] },
    ]);
  });
});

test('hosted tools are passed on to Claude and refused for others by their place', async () => {
  const messages = [user('Search')];
  const hosted = [{ type: 'web_search_20250305' as const, name: 'web_search' as const }];
  const client = anthropic('anthropic 1', world.url);
  const errand = world.errand();
  await client.messages.create({ model: claude, max_tokens: 50, messages, tools: hosted }, errand.options);
  expect((await world.callFor(errand)).body.tools).toEqual(hosted);
  const refused = client.messages.create({ model: 'gpt-4o', max_tokens: 50, messages, tools: hosted });
  await expect(refused).rejects.toMatchObject({
    status: 400,
    type: 'invalid_request_error',
    message: expect.stringContaining('tools'),
  });
});
