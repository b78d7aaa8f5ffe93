import type {
  Response,
  ResponseCreateParamsNonStreaming,
  ResponseStreamEvent,
  Tool,
} from 'openai/resources/responses/responses';
import { describe, expect } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { collect, test } from '../test-with-sandbox.ts';

const toolNamed = (name: string): Tool => ({
  type: 'function',
  name,
  strict: true,
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
});
const tools: Tool[] = [toolNamed('get_weather'), toolNamed('get_time'), { type: 'custom', name: 'run_code' }];
const ask = (input: string, more: object = {}): ResponseCreateParamsNonStreaming => ({
  model: 'gpt-4o',
  input,
  ...more,
});

const withoutIds = ({ output, usage, status }: Response) =>
  JSON.parse(
    JSON.stringify({ output, usage, status }, (key, value) =>
      ['id', 'call_id', 'parsed', 'parsed_arguments'].includes(key) ? undefined : value,
    ),
  ) as unknown;

describe('whole and stream agree, and both are the bill', () => {
  test.for([
    ['text', ask('Hello')],
    ['two calls', ask('[[tool:get_weather]] [[tool:get_time]]', { tools })],
    ['all calls, a custom one among them', ask('[[tools]]', { tools })],
    ['a refusal', ask('[[refuse]]')],
    ['reasoning unseen', ask('Hello', { reasoning: { effort: 'low' } })],
    ['reasoning summed up', ask('Hello', { reasoning: { effort: 'high', summary: 'auto' } })],
    ['reasoning, then calls', ask('[[tools]]', { tools, reasoning: { summary: 'auto' } })],
    ['nothing but reasoning', ask('Hello', { reasoning: { effort: 'high' }, max_output_tokens: 16 })],
    ['logprobs', ask('Hello', { include: ['message.output_text.logprobs'], top_logprobs: 2 })],
    ['unknown members', ask('Hello [[unknown]]')],
  ] as const)('%s', async ([, body], { openai, sandbox }) => {
    const whole = await openai.responses.create(body);
    const { input_tokens, output_tokens } = whole.usage!;
    const bill = { calls: 1, prompt_tokens: input_tokens, completion_tokens: output_tokens };
    expect(await sandbox.bill()).toMatchObject(bill);
    await sandbox.reset();
    const events = await collect(await openai.responses.create({ ...body, stream: true }));
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    const last = events.at(-1) as { type: string; response: Response };
    expect(last.type).toBe(`response.${whole.status}`);
    expect(withoutIds(last.response)).toEqual(withoutIds(whole));
    expect(await sandbox.bill()).toMatchObject(bill);
    if (whole.status !== 'completed') return;
    expect(withoutIds(await openai.responses.stream({ ...body, stream: true }).finalResponse())).toEqual(
      withoutIds(whole),
    );
  });
});

test('the events of each item in order', async ({ openai }) => {
  const body = ask('[[tool:run_code]] [[tool:get_time]]', { tools, reasoning: { effort: 'low', summary: 'auto' } });
  const events = await collect(await openai.responses.create({ ...body, stream: true }));
  const names = events.map((event) => ('output_index' in event ? `${event.output_index} ${event.type}` : event.type));
  expect(names.filter((name, at) => name !== names[at - 1]).map((name) => name.replace('response.', ''))).toEqual([
    'created',
    'in_progress',
    '0 output_item.added',
    '0 reasoning_summary_part.added',
    '0 reasoning_summary_text.delta',
    '0 reasoning_summary_text.done',
    '0 reasoning_summary_part.done',
    '0 output_item.done',
    '1 output_item.added',
    '1 custom_tool_call_input.delta',
    '1 custom_tool_call_input.done',
    '1 output_item.done',
    '2 output_item.added',
    '2 function_call_arguments.delta',
    '2 function_call_arguments.done',
    '2 output_item.done',
    'completed',
  ]);
});

test('a refusal is a part of its own kind', async ({ openai }) => {
  const events = await collect(await openai.responses.create({ ...ask('[[refuse]]'), stream: true }));
  expect(events.map(({ type }) => type)).toContain('response.refusal.delta');
  expect(events.find(({ type }) => type === 'response.refusal.done')).toMatchObject({
    refusal: expect.stringMatching(/^I am sorry/),
  });
});

test('reasoning is seen as far as it was asked for, and counted', async ({ openai }) => {
  const { output, usage } = await openai.responses.create(
    ask('Hello', { reasoning: { effort: 'low', summary: 'auto' }, include: ['reasoning.encrypted_content'] }),
  );
  const [reasoning] = output;
  if (reasoning?.type !== 'reasoning') throw new Error('no reasoning');
  expect(countTokens(reasoning.summary[0]!.text)).toBe(usage!.output_tokens_details.reasoning_tokens);
  expect(reasoning.encrypted_content).toEqual(expect.any(String));
  const unseen = await openai.responses.create(ask('Hello', { reasoning: { effort: 'low' } }));
  expect(unseen.output[0]).toMatchObject({ type: 'reasoning', summary: [] });
});

test('what was asked for is echoed, and no member is missing', async ({ openai }) => {
  const asked = {
    instructions: 'Be brief.',
    max_output_tokens: 99,
    metadata: { a: 'b' },
    parallel_tool_calls: false,
    service_tier: 'flex',
    temperature: 0.5,
    tool_choice: 'none',
    tools,
    truncation: 'auto',
    user: 'someone',
  };
  const response = await openai.responses.create(ask('Hello', asked));
  expect(response).toMatchObject({ ...asked, status: 'completed', previous_response_id: null, conversation: null });
});

test('input_tokens counts what the response is charged for its prompt, and charges nothing', async ({
  openai,
  sandbox,
}) => {
  const first = await openai.responses.create(ask('Hello', { instructions: 'Be brief.' }));
  await sandbox.reset();
  const body = { model: 'gpt-4o', input: 'And?', tools, previous_response_id: first.id };
  const counted = await openai.responses.inputTokens.count(body);
  expect(counted.object).toBe('response.input_tokens');
  expect(await sandbox.bill()).toMatchObject({ calls: 0 });
  const next = await openai.responses.create(body);
  expect(counted.input_tokens).toBe(next.usage!.input_tokens);
});

test.for([
  ['truncate', 'truncated', {}],
  ['reset-mid', 'reset', {}],
  ['malformed-json', 'malformed', {}],
  ['error-event', 'errored', { code: 'server_error' }],
] as const)(
  '%s breaks off in the middle of the items and bills what was written',
  async ([order, outcome, error], { openai, sandbox }) => {
    const model = `sandbox/${order}`;
    const body = { ...ask('[[tools]]', { tools, reasoning: { summary: 'auto' } }), model };
    const events: ResponseStreamEvent[] = [];
    const reading = (async () => {
      for await (const event of await openai.responses.create({ ...body, stream: true })) events.push(event);
    })();
    if (order === 'truncate') await reading;
    else await expect(reading).rejects.toMatchObject(error);
    expect(events.map(({ type }) => type)).not.toContain('response.completed');
    const { entries } = await sandbox.bill();
    expect(entries).toMatchObject([{ outcome, model }]);
    expect(entries[0]!.completion_tokens).toBeGreaterThan(0);
  },
);

test.for([
  ['status-503', 503],
  ['rate-limited', 429],
  ['no-such-model', 404],
])('%s answers %i', async ([order, status], { openai, sandbox }) => {
  const model = order === 'no-such-model' ? order : `sandbox/${order}`;
  await expect(openai.responses.create({ model, input: 'Hello', stream: true })).rejects.toMatchObject({ status });
  expect(await sandbox.bill()).toMatchObject({ calls: 0 });
});
