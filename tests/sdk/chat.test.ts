import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import { describe, expect, test } from 'vitest';
import { claude, openAI, openAICases } from './clients.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const user = (content: string) => ({ role: 'user' as const, content });
const textOf = (chunks: ChatCompletionChunk[]) => chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');

describe.for(openAICases)('chat completions of $client with $model', ({ client: major, model, isNative }) => {
  const client = () => openAI(major, world.url);

  test('a whole answer comes from the model that was asked, at the price of its provider', async () => {
    const errand = world.errand();
    const { data, response } = await client()
      .chat.completions.create({ model, messages: [user('Hello there')] }, errand.options)
      .withResponse();
    expect(data).toMatchObject({ object: 'chat.completion', model, created: expect.any(Number) });
    expect(data.id).toBe(response.headers.get('x-job-id')?.replace('job_', 'chatcmpl-'));
    expect(data.choices).toHaveLength(1);
    expect(data.choices[0]).toMatchObject({ index: 0, finish_reason: 'stop', logprobs: null });
    expect(data.choices[0]?.message).toMatchObject({ role: 'assistant', refusal: null });
    expect(data.choices[0]?.message.content).toContain(`[sandbox] ${model} heard "Hello there"`);
    expect(data.usage?.total_tokens).toBe((data.usage?.prompt_tokens ?? 0) + (data.usage?.completion_tokens ?? 0));
    await world.expectBilled(errand, { prompt: data.usage?.prompt_tokens, completion: data.usage?.completion_tokens });
    expect(response.headers.get('x-request-id')).toBe(errand.id);
    expect(response.headers.get('x-gateway-provider')).toBe(isNative ? 'openai' : 'anthropic');
    expect(response.headers.get('x-ratelimit-remaining-requests')).toMatch(/^\d+$/);
  });

  test('a stream says the same as the whole answer, in chunks of one shape', async () => {
    const body = { model, messages: [user('Stream this')] };
    const whole = await client().chat.completions.create(body);
    const { data: stream, response } = await client()
      .chat.completions.create({ ...body, stream: true })
      .withResponse();
    const chunks = await take(stream);
    // Words that are translated go together when they come together.
    expect(chunks.length).toBeGreaterThan(isNative ? 3 : 2);
    expect(textOf(chunks)).toBe(whole.choices[0]?.message.content);
    const id = response.headers.get('x-job-id')?.replace('job_', 'chatcmpl-');
    expect(new Set(chunks.map((chunk) => chunk.id))).toEqual(new Set([id]));
    expect(new Set(chunks.map((chunk) => chunk.model))).toEqual(new Set([model]));
    expect(new Set(chunks.map((chunk) => chunk.created)).size).toBe(1);
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.filter((chunk) => chunk.usage)).toEqual([]);
    expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true);
    const reasons = chunks.map(({ choices }) => choices[0]?.finish_reason ?? null);
    expect(reasons.filter((reason) => reason !== null)).toEqual(['stop']);
    expect(reasons.at(-1)).toBe('stop');
  });

  test('include_usage brings one more chunk, with the numbers of the bill', async () => {
    const errand = world.errand();
    const stream = await client().chat.completions.create(
      { model, messages: [user('Count this')], stream: true, stream_options: { include_usage: true } },
      errand.options,
    );
    const chunks = await take(stream);
    const last = chunks.at(-1);
    expect(last?.choices).toEqual([]);
    expect(chunks.slice(0, -1).map(({ usage }) => usage ?? null)).toEqual(chunks.slice(1).map(() => null));
    await world.expectBilled(errand, {
      prompt: last?.usage?.prompt_tokens,
      completion: last?.usage?.completion_tokens,
    });
  });

  test("the SDK's stream helper puts together what the whole answer is", async () => {
    const body = { model, messages: [user('Help me')] };
    const whole = await client().chat.completions.create(body);
    const helper = client().chat.completions.stream({ ...body, stream_options: { include_usage: true } });
    const built = await helper.finalChatCompletion();
    expect(built.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    expect(built.choices[0]?.finish_reason).toBe(whole.choices[0]?.finish_reason);
    expect(built.model).toBe(whole.model);
    expect(await helper.totalUsage()).toMatchObject({
      prompt_tokens: whole.usage?.prompt_tokens,
      completion_tokens: whole.usage?.completion_tokens,
    });
  });

  test('system and developer messages and earlier turns reach the model', async () => {
    const errand = world.errand();
    const messages = [
      { role: 'system' as const, content: 'Be brief.' },
      { role: 'developer' as const, content: 'Be kind.' },
      user('First'),
      { role: 'assistant' as const, content: 'Second' },
      user('Third'),
    ];
    const answer = await client().chat.completions.create({ model, messages }, errand.options);
    expect(answer.choices[0]?.message.content).toContain('heard "Third"');
    const { body } = await world.callFor(errand);
    if (isNative) {
      expect(body.messages).toEqual(messages);
      return;
    }
    expect(JSON.stringify(body.system)).toMatch(/Be brief\..*Be kind\./);
    expect(JSON.stringify(body.messages)).toMatch(/First.*Second.*Third/);
    expect((body.messages as { role: string }[]).map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
    await world.expectBilled(errand, {
      prompt: answer.usage?.prompt_tokens,
      completion: answer.usage?.completion_tokens,
    });
  });

  test.for([
    { manner: 'a list', stop: ['no such words', ' was asked'] },
    { manner: 'one string', stop: ' was asked' },
  ])('stop, as $manner, ends the answer before it', async ({ stop }) => {
    const body = { model, messages: [user('Stop')], stop };
    const cut = await client().chat.completions.create(body);
    const whole = await client().chat.completions.create({ model, messages: body.messages });
    const expected = whole.choices[0]?.message.content?.split(' was asked')[0];
    expect(cut.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: expected } });
    const stream = await client().chat.completions.create({ ...body, stream: true });
    expect(textOf(await take(stream))).toBe(expected);
  });

  test.for(['max_tokens', 'max_completion_tokens'])('%s ends the answer for its length', async (name) => {
    const errand = world.errand();
    const body = { model, messages: [user('A long story')], [name]: 5 };
    const answer = await client().chat.completions.create(body, errand.options);
    expect(answer.choices[0]?.finish_reason).toBe('length');
    expect(answer.usage?.completion_tokens).toBe(5);
    await world.expectBilled(errand, { prompt: answer.usage?.prompt_tokens, completion: 5 });
    const chunks = await take(await client().chat.completions.create({ ...body, stream: true }));
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
    expect(textOf(chunks)).toBe(answer.choices[0]?.message.content);
  });

  test('what the model refuses to say is a refusal', async () => {
    const body = { model, messages: [user('[[refuse]]')] };
    const { choices } = await client().chat.completions.create(body);
    const said = choices[0]?.message;
    expect(said?.refusal ?? said?.content).toBe('I am sorry, but this sandbox was told to refuse.');
    expect(choices[0]?.finish_reason).toBe(isNative ? 'stop' : 'content_filter');
    if (isNative) expect(said?.content).toBeNull();
    const built = await client().chat.completions.stream(body).finalChatCompletion();
    expect(built.choices[0]).toMatchObject({
      message: isNative ? { refusal: said?.refusal } : { content: said?.content },
      finish_reason: choices[0]?.finish_reason,
    });
  });
});

test('both providers are told the same question in their own terms', async () => {
  const errand = world.errand();
  const client = openAI('openai 7', world.url);
  const body = {
    model: claude,
    messages: [user('Parameters')],
    temperature: 0.5,
    top_p: 0.9,
    stop: ['x'],
    max_tokens: 9,
  };
  await client.chat.completions.create(body, errand.options);
  const call = await world.callFor(errand);
  expect(call.path).toBe('/v1/messages');
  expect(call.body).toMatchObject({ model: claude, max_tokens: 9, stop_sequences: ['x'] });
  expect(call.body).not.toHaveProperty('stop');
});
