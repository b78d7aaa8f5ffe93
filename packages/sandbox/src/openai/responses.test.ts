import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { collect, test } from '../test-with-sandbox.ts';

const hello = { model: 'gpt-4o', instructions: 'Be brief.', input: 'Tell me about bears.' };
const tool = {
  type: 'function',
  name: 'get_weather',
  strict: true,
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
} as const;

const namesOf = (events: ResponseStreamEvent[]) =>
  events.map(({ type }) => type).filter((type, at, all) => type !== all[at - 1]);

describe('whole', () => {
  test('the text, the usage and the bill agree', async ({ openai, sandbox }) => {
    const response = await openai.responses.create(hello);
    expect(response.output_text).toMatch(/^\[sandbox\] gpt-4o heard "Tell me about bears\."/);
    expect(response).toMatchObject({ object: 'response', status: 'completed', error: null, incomplete_details: null });
    const usage = response.usage!;
    expect(usage.output_tokens).toBe(countTokens(response.output_text));
    expect(usage.total_tokens).toBe(usage.input_tokens + usage.output_tokens);
    expect(await sandbox.bill()).toMatchObject({
      prompt_tokens: usage.input_tokens,
      completion_tokens: usage.output_tokens,
    });
  });

  test('is found again by id, unless it was not to be stored', async ({ openai }) => {
    const kept = await openai.responses.create(hello);
    expect(await openai.responses.retrieve(kept.id)).toMatchObject({ id: kept.id, output: kept.output });
    const forgotten = await openai.responses.create({ ...hello, store: false });
    await expect(openai.responses.retrieve(forgotten.id)).rejects.toMatchObject({ status: 404 });
  });

  test('what went before is paid for again', async ({ openai }) => {
    const first = await openai.responses.create(hello);
    const alone = await openai.responses.create({ model: 'gpt-4o', input: 'And wolves?' });
    const second = await openai.responses.create({
      model: 'gpt-4o',
      input: 'And wolves?',
      previous_response_id: first.id,
    });
    expect(second.usage!.input_tokens).toBe(alone.usage!.input_tokens + first.usage!.total_tokens);
    await expect(openai.responses.create({ ...hello, previous_response_id: 'resp_none' })).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
    });
  });

  test('max_output_tokens leaves it incomplete', async ({ openai }) => {
    const response = await openai.responses.create({ ...hello, max_output_tokens: 16 });
    expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
    expect(response.usage!.output_tokens).toBe(16);
  });

  test('a tool call and the turn after it', async ({ openai }) => {
    const response = await openai.responses.create({ ...hello, tools: [tool], tool_choice: 'required' });
    const [call] = response.output;
    if (call?.type !== 'function_call') throw new Error('no function call');
    expect(call).toMatchObject({ name: 'get_weather', arguments: '{"city":"sandbox city"}' });
    const next = await openai.responses.create({
      ...hello,
      tools: [tool],
      input: [
        { role: 'user', content: 'please [[tool]]' },
        call,
        { type: 'function_call_output', call_id: call.call_id, output: 'Sunny.' },
      ],
    });
    expect(next.output_text).toContain('heard "Sunny."');
  });

  test('text.format brings JSON that fits', async ({ openai }) => {
    const schema = { type: 'object', properties: { sure: { type: 'boolean' } }, required: ['sure'] };
    const format = { type: 'json_schema', name: 'answer', schema } as const;
    expect((await openai.responses.create({ ...hello, text: { format } })).output_text).toBe('{"sure":true}');
  });

  test('400 names the parameter', async ({ sandbox }) => {
    const response = await sandbox.post('/v1/responses', { model: 'gpt-4o' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: 'input', code: 'missing_required_parameter' } });
  });
});

describe('streamed', () => {
  test('text: typed events in order, numbered without a gap', async ({ openai, sandbox }) => {
    const events = await collect(await openai.responses.create({ ...hello, stream: true }));
    expect(namesOf(events)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    const last = events.at(-1)!;
    if (last.type !== 'response.completed') throw new Error('not completed');
    const { input_tokens, output_tokens } = last.response.usage!;
    expect(await sandbox.bill()).toMatchObject({ prompt_tokens: input_tokens, completion_tokens: output_tokens });
  });

  test('tool: arguments in pieces', async ({ openai, sandbox }) => {
    const events = await collect(
      await openai.responses.create({
        ...hello,
        tools: [tool],
        tool_choice: { type: 'function', name: 'get_weather' },
        stream: true,
      }),
    );
    expect(namesOf(events)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const tokens = countTokens('get_weather') + countTokens('{"city":"sandbox city"}');
    expect(await sandbox.bill()).toMatchObject({ completion_tokens: tokens });
  });

  test("the SDK's own accumulator rebuilds the response", async ({ openai }) => {
    const stream = openai.responses.stream(hello);
    const final = await stream.finalResponse();
    expect(final.output_text).toBe((await openai.responses.create(hello)).output_text);
  });

  test('a stream that was cut short ends incomplete', async ({ openai }) => {
    const events = await collect(await openai.responses.create({ ...hello, max_output_tokens: 5, stream: true }));
    expect(events.at(-1)).toMatchObject({ type: 'response.incomplete', response: { status: 'incomplete' } });
  });
});
