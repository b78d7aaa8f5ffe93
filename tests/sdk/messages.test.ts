import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import { describe, expect, test } from 'vitest';
import { anthropic, anthropicCases, gpt } from './clients.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const user = (content: string) => ({ role: 'user' as const, content });
const textOf = (events: RawMessageStreamEvent[]) =>
  events
    .map((event) => (event.type === 'content_block_delta' && event.delta.type === 'text_delta' ? event.delta.text : ''))
    .join('');
const ofType = <Type extends RawMessageStreamEvent['type']>(events: RawMessageStreamEvent[], type: Type) =>
  events.filter((event): event is Extract<RawMessageStreamEvent, { type: Type }> => event.type === type);

describe.for(anthropicCases)('messages of $client with $model', ({ client: major, model, isNative }) => {
  const messages = () => anthropic(major, world.url).messages;

  test('a whole answer comes from the model that was asked, at the price of its provider', async () => {
    const errand = world.errand();
    const { data, response } = await messages()
      .create({ model, max_tokens: 500, messages: [user('Hello there')] }, errand.options)
      .withResponse();
    expect(data).toMatchObject({
      type: 'message',
      role: 'assistant',
      model,
      stop_reason: 'end_turn',
      stop_sequence: null,
    });
    expect(data.id).toBe(response.headers.get('x-job-id')?.replace('job_', 'msg_'));
    expect(data.content).toHaveLength(1);
    expect(data.content[0]).toMatchObject({
      type: 'text',
      text: expect.stringContaining(`[sandbox] ${model} heard "Hello there"`),
    });
    await world.expectBilled(errand, { prompt: data.usage.input_tokens, completion: data.usage.output_tokens });
    expect(data.usage).toMatchObject({ cache_read_input_tokens: 0, cache_creation_input_tokens: 0 });
    expect(response.headers.get('request-id')).toBe(errand.id);
    expect(response.headers.get('x-gateway-provider')).toBe(isNative ? 'anthropic' : 'openai');
    expect(response.headers.get('anthropic-ratelimit-requests-remaining')).toMatch(/^\d+$/);
  });

  test('a stream says the same as the whole answer, in the order of events that Anthropic has', async () => {
    const body = { model, max_tokens: 500, messages: [user('Stream this')] };
    const whole = await messages().create(body);
    const errand = world.errand();
    const { data: stream, response } = await messages()
      .create({ ...body, stream: true }, errand.options)
      .withResponse();
    const events = await take(stream);
    const names = events.map(({ type }) => type).filter((name) => (name as string) !== 'ping');
    expect(names.slice(0, 2)).toEqual(['message_start', 'content_block_start']);
    expect(names.slice(-3)).toEqual(['content_block_stop', 'message_delta', 'message_stop']);
    expect(new Set(names.slice(2, -3))).toEqual(new Set(['content_block_delta']));
    expect([{ type: 'text', text: textOf(events) }]).toMatchObject(
      whole.content.map(({ type, ...rest }) => ({ type, text: 'text' in rest && rest.text })),
    );
    const [start] = ofType(events, 'message_start');
    expect(start?.message).toMatchObject({
      id: response.headers.get('x-job-id')?.replace('job_', 'msg_'),
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
    });
    const [end] = ofType(events, 'message_delta');
    expect(end?.delta).toMatchObject({ stop_reason: 'end_turn', stop_sequence: null });
    expect(end?.usage.output_tokens).toBe(whole.usage.output_tokens);
  });

  test("the SDK's stream helper puts together what the whole answer is", async () => {
    const body = { model, max_tokens: 500, messages: [user('Help me')] };
    const whole = await messages().create(body);
    const errand = world.errand();
    const built = await messages().stream(body, errand.options).finalMessage();
    expect(built).toMatchObject({ role: 'assistant', model, stop_reason: whole.stop_reason });
    expect(built.content).toEqual(whole.content);
    await world.expectBilled(errand, { prompt: built.usage.input_tokens, completion: built.usage.output_tokens });
  });

  test.for([
    { manner: 'text', system: 'Be brief.' },
    {
      manner: 'blocks',
      system: [
        { type: 'text' as const, text: 'Be brief.' },
        { type: 'text' as const, text: 'Be kind.' },
      ],
    },
  ])('the system prompt, as $manner, and earlier turns reach the model', async ({ system }) => {
    const errand = world.errand();
    const turns = [user('First'), { role: 'assistant' as const, content: 'Second' }, user('Third')];
    const answer = await messages().create({ model, max_tokens: 100, system, messages: turns }, errand.options);
    expect(answer.content).toMatchObject([{ text: expect.stringContaining('heard "Third"') }]);
    await world.expectBilled(errand, { prompt: answer.usage.input_tokens, completion: answer.usage.output_tokens });
    const { body } = await world.callFor(errand);
    if (isNative) {
      expect(body).toMatchObject({ system, messages: turns });
    } else {
      const said = body.messages as { role: string; content: unknown }[];
      expect(said.at(0)?.role).toMatch(/^(system|developer)$/);
      expect(said.slice(1).map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
      for (const text of ['Be brief.', ...(typeof system === 'string' ? [] : ['Be kind.'])]) {
        expect(JSON.stringify(said[0]?.content)).toContain(text);
      }
    }
  });

  test('stop_sequences end the answer, whole and streamed', async () => {
    const body = { model, max_tokens: 500, messages: [user('Stop')], stop_sequences: ['no such words', ' heard'] };
    const whole = await messages().create(body);
    expect(whole.content).toMatchObject([{ type: 'text', text: `[sandbox] ${model}` }]);
    // OpenAI does not tell which words ended an answer, nor that any did.
    const ending = isNative
      ? { stop_reason: 'stop_sequence', stop_sequence: ' heard' }
      : { stop_reason: 'end_turn', stop_sequence: null };
    expect(whole).toMatchObject(ending);
    expect(await messages().stream(body).finalMessage()).toMatchObject({ content: whole.content, ...ending });
  });

  test('max_tokens ends the answer for its length, whole and streamed', async () => {
    const errand = world.errand();
    const body = { model, max_tokens: 5, messages: [user('A long story')] };
    const whole = await messages().create(body, errand.options);
    expect(whole).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 5 } });
    await world.expectBilled(errand, { prompt: whole.usage.input_tokens, completion: 5 });
    const built = await messages().stream(body).finalMessage();
    expect(built).toMatchObject({ stop_reason: 'max_tokens', content: whole.content, usage: { output_tokens: 5 } });
  });

  test('what the model refuses to say is a refusal, whole and streamed', async () => {
    const body = { model, max_tokens: 100, messages: [user('[[refuse]]')] };
    const whole = await messages().create(body);
    const text = 'I am sorry, but this sandbox was told to refuse.';
    expect(whole).toMatchObject({ stop_reason: 'refusal', content: [{ type: 'text', text }] });
    expect(await messages().stream(body).finalMessage()).toMatchObject({
      stop_reason: 'refusal',
      content: whole.content,
    });
  });
});

test("OpenAI is told an Anthropic client's question in its own terms", async () => {
  const errand = world.errand();
  const body = {
    model: gpt,
    max_tokens: 9,
    messages: [user('Parameters')],
    temperature: 0.5,
    top_p: 0.9,
    stop_sequences: ['x'],
    metadata: { user_id: 'somebody' },
  };
  await anthropic('anthropic 1', world.url).messages.create(body, errand.options);
  const call = await world.callFor(errand);
  expect(call.path).toBe('/v1/chat/completions');
  expect(call.body).toMatchObject({ model: gpt, temperature: 0.5, top_p: 0.9, stop: ['x'] });
  expect(call.body.max_completion_tokens ?? call.body.max_tokens).toBe(9);
  for (const member of ['stop_sequences', 'metadata', 'system']) expect(call.body).not.toHaveProperty(member);
});
