import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { describe, expect, test } from 'vitest';
import { claude, openAI, openAICases } from './clients.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const parameters = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city'],
  additionalProperties: false,
};
const functionTool = (name: string) => ({
  type: 'function' as const,
  function: { name, description: `The ${name} of a city`, parameters },
});
const weather = functionTool('weather');
const tools = [weather, functionTool('time')];
const user = (content: string): ChatCompletionMessageParam => ({ role: 'user', content });
const given = JSON.stringify({ city: 'sandbox city' });

describe.for(openAICases)('tools of $client with $model', ({ client: major, model, isNative }) => {
  const completions = () => openAI(major, world.url).chat.completions;

  test('a tool is called, and its result leads to an answer', async () => {
    const asked = world.errand();
    const opening = [user('How is the weather? [[tool]]')];
    const calling = await completions().create({ model, messages: opening, tools }, asked.options);
    const [choice] = calling.choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    const calls = choice?.message.tool_calls ?? [];
    expect(calls).toEqual([
      { id: expect.stringMatching(/./), type: 'function', function: { name: 'weather', arguments: given } },
    ]);
    await world.expectBilled(asked, {
      prompt: calling.usage?.prompt_tokens,
      completion: calling.usage?.completion_tokens,
    });

    const answered = world.errand();
    const messages: ChatCompletionMessageParam[] = [
      ...opening,
      ...(choice ? [choice.message] : []),
      { role: 'tool', tool_call_id: calls[0]?.id ?? '', content: 'Sunny, 21 degrees' },
    ];
    const answer = await completions().create({ model, messages, tools }, answered.options);
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.choices[0]?.message.content).toContain('heard "Sunny, 21 degrees"');
    await world.expectBilled(answered, {
      prompt: answer.usage?.prompt_tokens,
      completion: answer.usage?.completion_tokens,
    });
    const { body } = await world.callFor(answered);
    const said = JSON.stringify(body.messages);
    expect(said).toContain(calls[0]?.id);
    if (!isNative) {
      expect(body.messages).toMatchObject([
        { role: 'user' },
        { role: 'assistant', content: [{ type: 'tool_use', name: 'weather', input: { city: 'sandbox city' } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: calls[0]?.id }] },
      ]);
      expect(body.tools).toMatchObject([{ name: 'weather', input_schema: parameters }, { name: 'time' }]);
    }
  });

  test('several tools are called at once, whole and streamed, and all of their results are heard', async () => {
    const opening = [user('Tell me both [[tools]]')];
    const body = { model, messages: opening, tools };
    const whole = await completions().create(body);
    const calls = whole.choices[0]?.message.tool_calls ?? [];
    const names = calls.map((call) => call.type === 'function' && call.function.name);
    expect(names).toEqual(['weather', 'time']);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);

    const built = await completions().stream(body).finalChatCompletion();
    const shapes = (of: typeof calls) =>
      of.map((call) => call.type === 'function' && [call.function.name, call.function.arguments]);
    expect(shapes(built.choices[0]?.message.tool_calls ?? [])).toEqual(shapes(calls));
    expect(built.choices[0]?.finish_reason).toBe('tool_calls');

    const messages: ChatCompletionMessageParam[] = [
      ...opening,
      ...(whole.choices[0] ? [whole.choices[0].message] : []),
      ...calls.map(({ id }, index) => ({ role: 'tool' as const, tool_call_id: id, content: `Result ${index}` })),
    ];
    const errand = world.errand();
    const answer = await completions().create({ model, messages, tools }, errand.options);
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    const said = JSON.stringify((await world.callFor(errand)).body.messages);
    expect(said).toMatch(/Result 0.*Result 1/);
  });

  test('the deltas of a streamed call begin with its name, are numbered densely, and add up to JSON', async () => {
    const stream = await completions().create({ model, messages: [user('[[tools]]')], tools, stream: true });
    const chunks = await take(stream);
    const deltas = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    expect([...new Set(deltas.map(({ index }) => index))]).toEqual([0, 1]);
    for (const [index, name] of ['weather', 'time'].entries()) {
      const [first, ...rest] = deltas.filter((delta) => delta.index === index);
      expect(first).toMatchObject({ id: expect.stringMatching(/./), type: 'function', function: { name } });
      expect(rest.every(({ id, type, function: part }) => !id && !type && !part?.name)).toBe(true);
      expect([first, ...rest].map((delta) => delta?.function?.arguments ?? '').join('')).toBe(given);
    }
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  test('parallel_tool_calls: false has one tool called at most', async () => {
    const body = { model, messages: [user('[[tools]]')], tools, parallel_tool_calls: false };
    const { choices } = await completions().create(body);
    expect(choices[0]?.message.tool_calls).toHaveLength(1);
  });

  test.for([
    { choice: 'required' as const, prompt: 'Just talk', calls: ['weather'] },
    { choice: 'none' as const, prompt: '[[tools]]', calls: [] },
    { choice: 'auto' as const, prompt: 'Just talk', calls: [] },
    { choice: { type: 'function' as const, function: { name: 'time' } }, prompt: 'Just talk', calls: ['time'] },
  ])('tool_choice $choice leads to $calls', async ({ choice, prompt, calls }) => {
    const body = { model, messages: [user(prompt)], tools, tool_choice: choice };
    const whole = await completions().create(body);
    const built = await completions().stream(body).finalChatCompletion();
    for (const { choices } of [whole, built]) {
      const called = (choices[0]?.message.tool_calls ?? []).map(
        (call) => call.type === 'function' && call.function.name,
      );
      expect(called).toEqual(calls);
    }
  });

  test('a call without arguments is JSON all the same', async () => {
    const bare = { type: 'function' as const, function: { name: 'ping' } };
    const body = { model, messages: [user('[[tool]]')], tools: [bare] };
    const whole = await completions().create(body);
    const built = await completions().stream(body).finalChatCompletion();
    for (const { choices } of [whole, built]) {
      expect(choices[0]?.message.tool_calls).toMatchObject([{ function: { name: 'ping', arguments: '{}' } }]);
    }
  });

  test("the SDK's tool runner goes round until there is an answer", async () => {
    const seen: unknown[] = [];
    const runner = completions().runTools({
      model,
      messages: [user('Find out [[tool]]')],
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            description: 'The weather of a city',
            parameters,
            parse: JSON.parse,
            function: (args: object) => {
              seen.push(args);
              return 'Rain all day';
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toContain('heard "Rain all day"');
    expect(seen).toEqual([{ city: 'sandbox city' }]);
  });
});

test('a tool that only OpenAI knows is refused for Claude with its place, and bought nowhere', async () => {
  const errand = world.errand();
  const custom = { type: 'custom' as const, custom: { name: 'shell', description: 'Runs a line' } };
  const completions = openAI('openai 7', world.url).chat.completions;
  const body = { messages: [user('[[tool]]')], tools: [custom] };
  const refused = await completions.create({ ...body, model: claude }, errand.options).catch((error: unknown) => error);
  expect(refused).toMatchObject({ status: 400, type: 'invalid_request_error', param: expect.stringMatching(/^tools/) });
  const { choices } = await completions.create({ ...body, model: 'gpt-4o' });
  expect(choices[0]?.message.tool_calls).toMatchObject([{ type: 'custom', custom: { name: 'shell' } }]);
  expect(await world.gateway().sandbox.calls({ request_id: errand.id })).toEqual([]);
});
