import type OpenAI from 'openai';
import type { ChatCompletion, ChatCompletionCreateParamsNonStreaming, ChatCompletionTool } from 'openai/resources';
import { describe, expect } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { collect, test } from '../test-with-sandbox.ts';

const toolNamed = (name: string): ChatCompletionTool => ({
  type: 'function',
  function: {
    name,
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
});
const tools = ['get_weather', 'get_time', 'get_news'].map(toolNamed);
const weatherFunction = { name: 'get_weather', parameters: { type: 'object', properties: {} } };
const custom: ChatCompletionTool = { type: 'custom', custom: { name: 'run_code' } };

const ask = (content: string, more: object = {}): ChatCompletionCreateParamsNonStreaming => ({
  model: 'gpt-4o',
  messages: [
    { role: 'developer', content: 'Be brief.' },
    { role: 'user', content },
  ],
  ...more,
});

const calledIn = ({ choices }: ChatCompletion) =>
  (choices[0]!.message.tool_calls ?? []).map((call) =>
    call.type === 'function' ? call.function.name : call.custom.name,
  );

/** Ids are made anew for every call, and a stream carries no annotations; everything else follows from the ask. */
const notCompared = ['id', 'annotations', 'parsed', 'parsed_arguments'];
const comparable = ({ choices, usage }: ChatCompletion) =>
  JSON.parse(
    JSON.stringify({ choices, usage }, (key, value) =>
      notCompared.includes(key) || value === null ? undefined : value,
    ),
  ) as unknown;

const streamed = (openai: OpenAI, body: ChatCompletionCreateParamsNonStreaming) =>
  openai.chat.completions.stream({ ...body, stream: true, stream_options: { include_usage: true } });

describe('whole and stream agree, and both are the bill', () => {
  test.for([
    ['text', ask('Tell me about bears.')],
    ['three choices', ask('Tell me about bears.', { n: 3 })],
    ['one tool', ask('[[tool]]', { tools })],
    ['all tools', ask('[[tools]]', { tools })],
    ['named tools, one of them twice', ask('[[tool:get_news]] [[tool:get_time]] [[tool:get_news]]', { tools })],
    ['tools in three choices', ask('[[tools]]', { tools, n: 3 })],
    ['a function, as before tools', ask('[[tool]]', { functions: [weatherFunction] })],
    ['a refusal', ask('[[refuse]]')],
    ['a refusal with logprobs', ask('[[refuse]]', { logprobs: true, top_logprobs: 1 })],
    ['logprobs', ask('Tell me about bears.', { logprobs: true, top_logprobs: 3 })],
    ['reasoning', ask('Tell me about bears.', { reasoning_effort: 'high' })],
    ['reasoning and tools', ask('[[tools]]', { tools, reasoning_effort: 'low' })],
    ['reasoning without room for words', ask('Hello', { reasoning_effort: 'high', max_completion_tokens: 20 })],
  ] as const)('%s', async ([, body], { openai, sandbox }) => {
    const whole = await openai.chat.completions.create(body);
    const { prompt_tokens, completion_tokens } = whole.usage!;
    expect(await sandbox.bill()).toMatchObject({ prompt_tokens, completion_tokens });
    await sandbox.reset();
    expect(comparable(await streamed(openai, body).finalChatCompletion())).toEqual(comparable(whole));
    expect(await sandbox.bill()).toMatchObject({ calls: 1, prompt_tokens, completion_tokens });
  });
});

describe('tools', () => {
  test('parallel_tool_calls: false makes one call at most', async ({ openai }) => {
    expect(calledIn(await openai.chat.completions.create(ask('[[tools]]', { tools })))).toHaveLength(3);
    const one = await openai.chat.completions.create(ask('[[tools]]', { tools, parallel_tool_calls: false }));
    expect(calledIn(one)).toEqual(['get_weather']);
  });

  test('each call has an id of its own, and its identity comes before its arguments', async ({ openai }) => {
    const chunks = await collect(
      await openai.chat.completions.create({ ...ask('[[tools]]', { tools }), stream: true }),
    );
    const deltas = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    const identities = deltas.filter(({ id }) => id !== undefined);
    expect(identities.map((delta) => [delta.index, delta.type, delta.function])).toEqual([
      [0, 'function', { name: 'get_weather', arguments: '' }],
      [1, 'function', { name: 'get_time', arguments: '' }],
      [2, 'function', { name: 'get_news', arguments: '' }],
    ]);
    expect(new Set(identities.map(({ id }) => id)).size).toBe(3);
    for (const fragment of deltas.filter(({ id }) => id === undefined)) {
      expect(Object.keys(fragment)).toEqual(['index', 'function']);
      expect(Object.keys(fragment.function!)).toEqual(['arguments']);
    }
  });

  test('a custom tool gets free text, whole and streamed', async ({ openai, sandbox }) => {
    const body = ask('[[tool:run_code]]', { tools: [...tools, custom] });
    const { choices, usage } = await openai.chat.completions.create(body);
    expect(choices[0]!.message.tool_calls).toEqual([
      { id: expect.any(String), type: 'custom', custom: { name: 'run_code', input: 'sandbox input of run_code' } },
    ]);
    expect(await sandbox.bill()).toMatchObject({ completion_tokens: usage!.completion_tokens });
    const chunks = await collect(await openai.chat.completions.create({ ...body, stream: true }));
    const deltas = chunks.flatMap(({ choices: [choice] }) => choice?.delta.tool_calls ?? []) as unknown as {
      custom: { name?: string; input: string };
    }[];
    expect(deltas[0]).toMatchObject({ type: 'custom', custom: { name: 'run_code', input: '' } });
    expect(deltas.map((delta) => delta.custom.input).join('')).toBe('sandbox input of run_code');
  });

  test('what a tool returned is read, and answered in words', async ({ openai }) => {
    const first = await openai.chat.completions.create(ask('[[tools]]', { tools }));
    const { message } = first.choices[0]!;
    const results = message.tool_calls!.map(({ id }) => ({
      role: 'tool' as const,
      tool_call_id: id,
      content: 'Sunny [[tools]].',
    }));
    const body = ask('[[tools]]', { tools });
    const next = await openai.chat.completions.create({ ...body, messages: [...body.messages, message, ...results] });
    expect(next.choices[0]).toMatchObject({ finish_reason: 'stop' });
    expect(next.choices[0]!.message.content).toContain('heard "Sunny [[tools]]."');
    expect(next.usage!.prompt_tokens).toBeGreaterThan(first.usage!.prompt_tokens);
  });

  test('allowed_tools of mode required calls one of them', async ({ openai }) => {
    const tool_choice = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tools[1]] } };
    const completion = await openai.chat.completions.create(ask('Hello', { tools, tool_choice }));
    expect(calledIn(completion)).toEqual(['get_time']);
  });
});

test('functions, the older way: a call without an id, and its result is answered in words', async ({ openai }) => {
  const body = ask('Hello', { functions: [weatherFunction], function_call: { name: 'get_weather' } });
  const { choices } = await openai.chat.completions.create(body);
  expect(choices).toMatchObject([
    {
      finish_reason: 'function_call',
      message: { content: null, function_call: { name: 'get_weather', arguments: '{}' } },
    },
  ]);
  expect(choices[0]!.message).not.toHaveProperty('tool_calls');
  const result = { role: 'function' as const, name: 'get_weather', content: 'Sunny.' };
  const messages = [...body.messages, choices[0]!.message, result];
  const next = await openai.chat.completions.create({ ...body, function_call: 'auto', messages });
  expect(next.choices).toMatchObject([
    { finish_reason: 'stop', message: { content: expect.stringContaining('Sunny.') } },
  ]);
});

test('reasoning is counted, billed and never shown', async ({ openai, sandbox }) => {
  const { choices, usage } = await openai.chat.completions.create(ask('Hello', { reasoning_effort: 'low' }));
  const thought = usage!.completion_tokens_details!.reasoning_tokens!;
  expect(thought).toBeGreaterThan(0);
  expect(usage!.completion_tokens).toBe(thought + countTokens(choices[0]!.message.content!));
  expect(await sandbox.bill()).toMatchObject({ completion_tokens: usage!.completion_tokens });
  const more = await openai.chat.completions.create(ask('Hello', { reasoning_effort: 'high' }));
  expect(more.usage!.completion_tokens_details!.reasoning_tokens).toBeGreaterThan(thought);
  const none = await openai.chat.completions.create(ask('Hello', { reasoning_effort: 'none' }));
  expect(none.usage!.completion_tokens_details!.reasoning_tokens).toBe(0);
});

test('a refusal takes the place of the content', async ({ openai }) => {
  const { choices } = await openai.chat.completions.create(ask('[[refuse]]'));
  expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: null } });
  expect(choices[0]!.message.refusal).toMatch(/^I am sorry/);
});

test('logprobs: an entry for each token, with the likeliest in its place', async ({ openai }) => {
  const body = ask('Hello', { logprobs: true, top_logprobs: 2 });
  const { choices, usage } = await openai.chat.completions.create(body);
  const entries = choices[0]!.logprobs!.content!;
  expect(entries).toHaveLength(usage!.completion_tokens);
  expect(entries.map(({ token }) => token).join('')).toBe(choices[0]!.message.content);
  for (const entry of entries) {
    expect(entry.logprob).toBeLessThanOrEqual(0);
    expect(entry.top_logprobs).toHaveLength(2);
    expect(entry.top_logprobs[0]).toMatchObject({ token: entry.token, logprob: entry.logprob });
    expect(Buffer.from(entry.bytes!).toString()).toBe(entry.token);
  }
});

test('members of no documented name are on the top and on every choice', async ({ openai }) => {
  const body = ask('Hello [[unknown]]', { n: 2 });
  const unknown = { of: 'sandbox', list: [1, 'two', null] };
  const whole = await openai.chat.completions.create(body);
  expect(whole).toMatchObject({ x_sandbox: unknown, choices: [{ x_choice: unknown }, { x_choice: unknown }] });
  for (const chunk of await collect(await openai.chat.completions.create({ ...body, stream: true }))) {
    expect(chunk).toMatchObject({ x_sandbox: unknown, choices: [{ x_choice: unknown }] });
  }
  expect(await openai.chat.completions.create(ask('Hello'))).not.toHaveProperty('x_sandbox');
});

test('the service tier that was asked for has served', async ({ openai }) => {
  const tierOf = async (more: object) => (await openai.chat.completions.create(ask('Hello', more))).service_tier;
  expect([await tierOf({}), await tierOf({ service_tier: 'auto' }), await tierOf({ service_tier: 'flex' })]).toEqual([
    'default',
    'default',
    'flex',
  ]);
});

test.for(['truncate', 'error-event', 'reset-mid'])(
  '%s breaks off between two tool calls',
  async (order, { openai, sandbox }) => {
    const body = { ...ask('[[tools]]', { tools }), model: `sandbox/${order}` };
    await streamed(openai, body)
      .done()
      .catch(() => null);
    const { entries } = await sandbox.bill();
    expect(entries).toMatchObject([{ streamed: true }]);
    expect(entries[0]!.outcome).not.toBe('completed');
    expect(entries[0]!.completion_tokens).toBeGreaterThan(0);
  },
);
