import type { FunctionTool, Response, ResponseInput, ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect, test } from 'vitest';
import { openAI, openAICases } from './clients.ts';
import { pdf, png } from './media.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const tool = (name: string): FunctionTool => ({ type: 'function', name, parameters: schema, strict: true });
const tools = [tool('weather'), tool('time')];
const given = JSON.stringify({ city: 'sandbox city' });

const callsOf = ({ output }: Pick<Response, 'output'>) =>
  output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
const counted = ({ usage }: Response) => ({ prompt: usage?.input_tokens, completion: usage?.output_tokens });

describe.concurrent.for(openAICases)('responses of $client with $model', ({ client: major, model, isNative }) => {
  const responses = () => openAI(major, world.url).responses;
  const streamed = (body: object) =>
    responses()
      .stream({ model, ...body } as { model: string; input: string })
      .finalResponse();

  test('a whole answer comes from the model that was asked, at the price of its provider', async () => {
    const errand = world.errand();
    const { data, response } = await responses().create({ model, input: 'Hello there' }, errand.options).withResponse();
    expect(data.id).toBe(response.headers.get('x-job-id')?.replace('job_', 'resp_'));
    expect(data).toMatchObject({
      object: 'response',
      status: 'completed',
      model,
      error: null,
      incomplete_details: null,
    });
    expect(data.output_text).toContain(`[sandbox] ${model} heard "Hello there"`);
    expect(data.output).toMatchObject([
      { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', annotations: [] }] },
    ]);
    await world.expectBilled(errand, counted(data));
    expect(data.usage?.total_tokens).toBe((data.usage?.input_tokens ?? 0) + (data.usage?.output_tokens ?? 0));
    // A validator of the format wants every member, as numbers where there are defaults.
    expect(data).toMatchObject({
      background: false,
      completed_at: expect.any(Number),
      created_at: expect.any(Number),
      frequency_penalty: 0,
      instructions: null,
      max_output_tokens: null,
      max_tool_calls: null,
      metadata: {},
      parallel_tool_calls: true,
      presence_penalty: 0,
      previous_response_id: null,
      prompt_cache_key: null,
      reasoning: expect.anything(),
      safety_identifier: null,
      service_tier: expect.any(String),
      store: true,
      temperature: 1,
      text: { format: { type: 'text' } },
      tool_choice: 'auto',
      tools: [],
      top_logprobs: 0,
      top_p: 1,
      truncation: 'disabled',
    });
    expect(response.headers.get('x-gateway-provider')).toBe(isNative ? 'openai' : 'anthropic');
  });

  test('a stream has its events in order, densely numbered, and ends with the whole', async () => {
    const body = { model, input: 'Stream this' };
    const whole = await responses().create(body);
    const errand = world.errand();
    const { data: stream, response } = await responses()
      .create({ ...body, stream: true }, errand.options)
      .withResponse();
    const events: ResponseStreamEvent[] = await take(stream);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    const names = events.map(({ type }) => type).filter((name) => name !== 'response.queued');
    const deltas = names.filter((name) => name === 'response.output_text.delta').length;
    expect(deltas).toBeGreaterThan(0);
    expect(names).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      ...Array<string>(deltas).fill('response.output_text.delta'),
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const text = events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('');
    expect(text).toBe(whole.output_text);
    const inside = events.flatMap((event) => ('response' in event ? [event.response.id] : []));
    expect(new Set(inside)).toEqual(new Set([response.headers.get('x-job-id')?.replace('job_', 'resp_')]));
    const last = events.at(-1);
    if (last?.type !== 'response.completed') throw new Error('the stream did not end with response.completed');
    await world.expectBilled(errand, counted(last.response));
  });

  test("the SDK's stream helper puts together what the whole answer is", async () => {
    const whole = await responses().create({ model, input: 'Help me' });
    const built = await streamed({ input: 'Help me' });
    expect(built).toMatchObject({ status: 'completed', model, output_text: whole.output_text });
    expect(built.usage).toEqual(whole.usage);
  });

  test('instructions, roles and earlier turns reach the model', async () => {
    const errand = world.errand();
    const input: ResponseInput = [
      { role: 'developer', content: 'Be kind.' },
      { role: 'user', content: 'First' },
      { role: 'assistant', content: 'Second' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Third' }] },
    ];
    const answer = await responses().create({ model, instructions: 'Be brief.', input }, errand.options);
    expect(answer.output_text).toContain('heard "Third"');
    await world.expectBilled(errand, counted(answer));
    const { body } = await world.callFor(errand);
    if (isNative) {
      expect(body).toMatchObject({ instructions: 'Be brief.', input });
    } else {
      expect(JSON.stringify(body.system)).toMatch(/Be brief\..*Be kind\./);
      expect((body.messages as { role: string }[]).map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
    }
  });

  test('a tool is called, and its output leads to an answer', async () => {
    const question = { role: 'user' as const, content: 'How is the weather? [[tool]]' };
    const asked = world.errand();
    const calling = await responses().create({ model, input: [question], tools }, asked.options);
    await world.expectBilled(asked, counted(calling));
    const [call] = callsOf(calling);
    expect(call).toMatchObject({ name: 'weather', arguments: given, call_id: expect.stringMatching(/./) });

    const answered = world.errand();
    const result = { type: 'function_call_output' as const, call_id: call?.call_id ?? '', output: 'Sunny, 21 degrees' };
    const input = [question, ...calling.output, result] as ResponseInput;
    const answer = await responses().create({ model, input, tools }, answered.options);
    expect(answer.output_text).toContain('heard "Sunny, 21 degrees"');
    await world.expectBilled(answered, counted(answer));
    if (!isNative) {
      expect((await world.callFor(answered)).body.messages).toMatchObject([
        { role: 'user' },
        { role: 'assistant', content: [{ type: 'tool_use', id: call?.call_id, name: 'weather' }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: call?.call_id }] },
      ]);
    }
  });

  test('several tools are called at once, whole and streamed; one at most where parallel calls are off', async () => {
    const body = { input: 'Both [[tools]]', tools };
    const shapes = (answer: Response) => callsOf(answer).map(({ name, arguments: args }) => [name, args]);
    const both = [
      ['weather', given],
      ['time', given],
    ];
    const whole = await responses().create({ model, ...body });
    expect(shapes(whole)).toEqual(both);
    expect(new Set(callsOf(whole).flatMap(({ id, call_id }) => [id, call_id])).size).toBe(4);
    expect(shapes(await streamed(body))).toEqual(both);
    expect(shapes(await responses().create({ model, ...body, parallel_tool_calls: false }))).toEqual([both[0]]);
  });

  test.for([
    { choice: 'required' as const, input: 'Just talk', names: ['weather'] },
    { choice: 'none' as const, input: '[[tools]]', names: [] },
    { choice: { type: 'function' as const, name: 'time' }, input: 'Just talk', names: ['time'] },
  ])('tool_choice $choice leads to $names', async ({ choice, input, names }) => {
    const body = { input, tools, tool_choice: choice };
    for (const answer of [await responses().create({ model, ...body }), await streamed(body)]) {
      expect(callsOf(answer).map(({ name }) => name)).toEqual(names);
    }
  });

  test('text.format has the answer fit a schema, whole and streamed', async () => {
    const format = { type: 'json_schema' as const, name: 'place', schema, strict: true };
    const body = { input: 'In order, please', text: { format } };
    const whole = await responses().parse({ model, ...body });
    expect(whole.output_parsed).toEqual({ city: 'sandbox city' });
    expect(whole.text?.format).toMatchObject(format);
    expect((await streamed(body)).output_text).toBe(given);
  });

  test('max_output_tokens leaves the answer incomplete, whole and streamed', async () => {
    const errand = world.errand();
    const body = { input: 'A long story', max_output_tokens: 16 };
    const whole = await responses().create({ model, ...body }, errand.options);
    const ending = { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, max_output_tokens: 16 };
    expect(whole).toMatchObject({ ...ending, usage: { output_tokens: 16 } });
    await world.expectBilled(errand, counted(whole));
    const events: ResponseStreamEvent[] = await take(await responses().create({ model, ...body, stream: true }));
    expect(events.at(-1)).toMatchObject({ type: 'response.incomplete', response: ending });
  });

  test('images and documents are shown to the model', async () => {
    const errand = world.errand();
    const content = [
      { type: 'input_image' as const, image_url: `data:image/png;base64,${png}`, detail: 'auto' as const },
      { type: 'input_file' as const, filename: 'report.pdf', file_data: `data:application/pdf;base64,${pdf}` },
      { type: 'input_text' as const, text: 'What are these?' },
    ];
    const answer = await responses().create({ model, input: [{ role: 'user', content }] }, errand.options);
    await world.expectBilled(errand, counted(answer));
    const { body } = await world.callFor(errand);
    if (isNative) expect(body.input).toMatchObject([{ content }]);
    else {
      const blocks = [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: pdf } },
        { type: 'text', text: 'What are these?' },
      ];
      expect(body.messages).toMatchObject([{ role: 'user', content: blocks }]);
    }
  });

  test('reasoning is asked for by its effort, summarised and counted', async () => {
    const errand = world.errand();
    const body = { input: 'Think', reasoning: { effort: 'low' as const, summary: 'auto' as const } };
    const whole = await responses().create({ model, ...body }, errand.options);
    await world.expectBilled(errand, counted(whole));
    expect(whole.usage?.output_tokens_details.reasoning_tokens).toBeGreaterThan(0);
    expect(whole.output.map(({ type }) => type)).toEqual(['reasoning', 'message']);
    expect((await streamed(body)).output.map(({ type }) => type)).toEqual(['reasoning', 'message']);
  });

  test('what the model refuses to say is a refusal, whole and streamed', async () => {
    const refusal = 'I am sorry, but this sandbox was told to refuse.';
    // Claude has no words apart for it: what it says is text, and the end tells that it was refused.
    const expected = isNative
      ? { status: 'completed', output: [{ type: 'message', content: [{ type: 'refusal', refusal }] }] }
      : { status: 'incomplete', incomplete_details: { reason: 'content_filter' }, output_text: refusal };
    for (const answer of [
      await responses().create({ model, input: '[[refuse]]' }),
      await streamed({ input: '[[refuse]]' }),
    ]) {
      expect(answer).toMatchObject(expected);
    }
  });
});
