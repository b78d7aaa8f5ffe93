import type { ChatCompletionChunk, ChatCompletionMessageParam } from 'openai/resources';
import { describe, expect } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { collect, test } from '../test-with-sandbox.ts';

const hello: { model: string; messages: ChatCompletionMessageParam[] } = {
  model: 'gpt-4o',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Tell me a story about bears 🐻.' },
  ],
};

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 3 }, note: { type: 'string' } },
      required: ['city', 'days'],
    },
  },
} as const;

const textOf = (chunks: ChatCompletionChunk[], index = 0) =>
  chunks
    .flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
    .map(({ delta }) => delta.content ?? '')
    .join('');

describe('whole', () => {
  test('the answer says that it is from the sandbox, and its usage is the bill', async ({ openai, sandbox }) => {
    const completion = await openai.chat.completions.create(hello);
    const text = completion.choices[0]!.message.content!;
    expect(text).toMatch(/^\[sandbox\] gpt-4o heard "Tell me a story about bears 🐻\."/);
    expect(completion).toMatchObject({ object: 'chat.completion', model: 'gpt-4o', system_fingerprint: 'sandbox' });
    expect(completion.choices[0]).toMatchObject({ finish_reason: 'stop', logprobs: null });

    const usage = completion.usage!;
    expect(usage.completion_tokens).toBe(countTokens(text));
    expect(usage.completion_tokens).toBeGreaterThanOrEqual(40);
    expect(usage.completion_tokens).toBeLessThanOrEqual(80);
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
    expect(usage.prompt_tokens).toBe(
      countTokens('Be brief.') + countTokens('Tell me a story about bears 🐻.') + 2 * 3 + 3,
    );
    const { prompt_tokens, completion_tokens, total_tokens } = usage;
    expect(await sandbox.bill()).toMatchObject({ calls: 1, prompt_tokens, completion_tokens, total_tokens });
  });

  test('the same request brings the same text, n choices bring different ones', async ({ openai }) => {
    const [one, two] = await Promise.all([
      openai.chat.completions.create({ ...hello, n: 2 }),
      openai.chat.completions.create(hello),
    ]);
    expect(one.choices).toHaveLength(2);
    expect(one.choices[0]).toEqual(two.choices[0]);
    expect(one.choices[1]!.message.content).not.toBe(one.choices[0]!.message.content);
    expect(one.usage!.completion_tokens).toBe(
      one.choices.reduce((sum, { message }) => sum + countTokens(message.content!), 0),
    );
  });

  test.for(['max_tokens', 'max_completion_tokens'] as const)('%s cuts the answer', async (name, { openai }) => {
    const { choices, usage } = await openai.chat.completions.create({ ...hello, [name]: 7 });
    expect(choices[0]!.finish_reason).toBe('length');
    expect(usage!.completion_tokens).toBe(7);
  });

  test('a stop sequence ends the answer before itself', async ({ openai }) => {
    const { choices } = await openai.chat.completions.create({ ...hello, stop: ['nowhere', ' heard'] });
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: '[sandbox] gpt-4o' } });
  });

  test.for([
    ['required', 'hello'],
    [{ type: 'function', function: { name: 'get_weather' } }, 'hello'],
    ['auto', 'please [[tool]]'],
  ] as const)(
    'tool_choice %j calls the tool with what it requires',
    async ([tool_choice, content], { openai, sandbox }) => {
      const messages = [{ role: 'user', content }] as const;
      const { choices, usage } = await openai.chat.completions.create({
        model: 'gpt-4o',
        messages: [...messages],
        tools: [weather],
        tool_choice,
      });
      const [call] = choices[0]!.message.tool_calls!;
      if (call?.type !== 'function') throw new Error('no function call');
      expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
      expect(JSON.parse(call.function.arguments)).toEqual({ city: 'sandbox city', days: 3 });
      expect(usage!.completion_tokens).toBe(countTokens('get_weather') + countTokens(call.function.arguments));
      expect(await sandbox.bill()).toMatchObject({ completion_tokens: usage!.completion_tokens });
    },
  );

  test('tools that are only offered are left alone', async ({ openai }) => {
    const { choices } = await openai.chat.completions.create({ ...hello, tools: [weather] });
    expect(choices[0]!.finish_reason).toBe('stop');
  });

  test('response_format brings JSON that fits', async ({ openai }) => {
    const schema = {
      type: 'object',
      properties: { answer: { $ref: '#/$defs/answer' }, colours: { type: 'array', items: { enum: ['red', 'green'] } } },
      required: ['answer', 'colours'],
      $defs: { answer: { type: 'object', properties: { sure: { type: 'boolean' } }, required: ['sure'] } },
    };
    const bySchema = await openai.chat.completions.create({
      ...hello,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    });
    expect(JSON.parse(bySchema.choices[0]!.message.content!)).toEqual({ answer: { sure: true }, colours: ['red'] });
    const anyObject = await openai.chat.completions.create({ ...hello, response_format: { type: 'json_object' } });
    expect(JSON.parse(anyObject.choices[0]!.message.content!)).toEqual({ sandbox: true, model: 'gpt-4o' });
  });
});

describe('streamed', () => {
  test('carries the text of the plain answer, a role first and a finish last', async ({ openai, sandbox }) => {
    const plain = await openai.chat.completions.create(hello);
    await sandbox.reset();
    const chunks = await collect(await openai.chat.completions.create({ ...hello, stream: true }));
    expect(textOf(chunks)).toBe(plain.choices[0]!.message.content);
    expect(chunks[0]!.choices[0]!.delta.role).toBe('assistant');
    expect(chunks.at(-1)!.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
    expect(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(1);
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
    const { prompt_tokens, completion_tokens } = plain.usage!;
    expect(await sandbox.bill()).toMatchObject({ calls: 1, prompt_tokens, completion_tokens });
  });

  test('include_usage: null on every chunk, then a last one without choices', async ({ openai, sandbox }) => {
    const body = { ...hello, stream: true, stream_options: { include_usage: true } } as const;
    const chunks = await collect(await openai.chat.completions.create(body));
    const last = chunks.pop()!;
    expect(chunks.every(({ usage }) => usage === null)).toBe(true);
    expect(last.choices).toEqual([]);
    expect(last.usage!.completion_tokens).toBe(countTokens(textOf(chunks)));
    const { prompt_tokens, completion_tokens } = last.usage!;
    expect(await sandbox.bill()).toMatchObject({ prompt_tokens, completion_tokens });
  });

  test('choices are interleaved and each ends', async ({ openai }) => {
    const plain = await openai.chat.completions.create({ ...hello, n: 3 });
    const chunks = await collect(await openai.chat.completions.create({ ...hello, n: 3, stream: true }));
    for (const { index, message } of plain.choices) expect(textOf(chunks, index)).toBe(message.content);
    expect(chunks.filter(({ choices }) => choices[0]?.finish_reason).map(({ choices }) => choices[0]!.index)).toEqual([
      0, 1, 2,
    ]);
  });

  test("the SDK's own accumulator rebuilds a tool call", async ({ openai, sandbox }) => {
    const stream = openai.chat.completions.stream({
      ...hello,
      tools: [weather],
      tool_choice: 'required',
      stream_options: { include_usage: true },
    });
    const final = await stream.finalChatCompletion();
    const [call] = final.choices[0]!.message.tool_calls!;
    expect(call).toMatchObject({ function: { name: 'get_weather', arguments: '{"city":"sandbox city","days":3}' } });
    expect(await sandbox.bill()).toMatchObject({ completion_tokens: final.usage!.completion_tokens });
  });
});

describe('400', () => {
  test.for([
    [{ messages: hello.messages }, 'model', 'missing_required_parameter'],
    [{ model: 'gpt-4o' }, 'messages', 'missing_required_parameter'],
    [{ ...hello, temperature: 3 }, 'temperature', 'invalid_value'],
    [{ ...hello, messages: [{ role: 'bear', content: 'grr' }] }, 'messages[0].role', 'invalid_value'],
  ] as const)('%j names %s', async ([body, param, code], { sandbox }) => {
    const response = await sandbox.post('/v1/chat/completions', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', param, code } });
    expect(await sandbox.bill()).toMatchObject({ calls: 0 });
  });

  test('null is as good as absent, and unknown members are let through', async ({ sandbox }) => {
    const body = {
      ...hello,
      temperature: null,
      stop: null,
      tools: null,
      response_format: null,
      max_tokens: 0,
      spice: 'high',
    };
    expect((await sandbox.post('/v1/chat/completions', body)).status).toBe(200);
  });
});
