import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { describe, expect, test } from 'vitest';
import { anthropic, anthropicCases, anthropicMajors, claude, gpt } from './clients.ts';
import { pdf, png } from './media.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const user = (content: MessageParam['content']): MessageParam => ({ role: 'user', content });
const schema = {
  type: 'object',
  properties: { answer: { type: 'string' }, certain: { type: 'boolean' } },
  required: ['answer', 'certain'],
  additionalProperties: false,
};

describe.for(anthropicCases)('messages of $client with $model', ({ client: major, model, isNative }) => {
  const messages = () => anthropic(major, world.url).messages;

  test('output_config has the answer fit a schema, whole and streamed', async () => {
    const errand = world.errand();
    const body = {
      model,
      max_tokens: 200,
      messages: [user('In order, please')],
      output_config: { format: { type: 'json_schema' as const, schema } },
    };
    const whole = await messages().parse(body, errand.options);
    const [block] = whole.content;
    const fitting = { answer: 'sandbox answer', certain: true };
    expect(JSON.parse(block?.type === 'text' ? block.text : '')).toEqual(fitting);
    await world.expectBilled(errand, { prompt: whole.usage.input_tokens, completion: whole.usage.output_tokens });
    const built = await messages().stream(body).finalMessage();
    expect(built.content[0]).toMatchObject({ type: 'text', text: JSON.stringify(fitting) });
    if (!isNative) {
      const { body: sent } = await world.callFor(errand);
      expect(sent.response_format).toMatchObject({ type: 'json_schema', json_schema: { schema } });
    }
  });

  test.for([
    {
      manner: 'as data',
      source: { type: 'base64' as const, media_type: 'image/png' as const, data: png },
      url: `data:image/png;base64,${png}`,
    },
    {
      manner: 'by address',
      source: { type: 'url' as const, url: 'https://example.com/a.png' },
      url: 'https://example.com/a.png',
    },
  ])('an image $manner is shown to the model', async ({ source, url }) => {
    const errand = world.errand();
    const content = [
      { type: 'image' as const, source },
      { type: 'text' as const, text: 'What is this?' },
    ];
    const answer = await messages().create({ model, max_tokens: 200, messages: [user(content)] }, errand.options);
    expect(answer.content).toMatchObject([{ text: expect.stringContaining('heard "What is this?"') }]);
    await world.expectBilled(errand, { prompt: answer.usage.input_tokens, completion: answer.usage.output_tokens });
    expect((await world.callFor(errand)).body.messages).toMatchObject([
      { role: 'user', content: isNative ? content : [{ type: 'image_url', image_url: { url } }, { type: 'text' }] },
    ]);
  });

  test('a document is shown to the model', async () => {
    const errand = world.errand();
    const source = { type: 'base64' as const, media_type: 'application/pdf' as const, data: pdf };
    const content = [
      { type: 'document' as const, source, title: 'report.pdf' },
      { type: 'text' as const, text: 'Summarise' },
    ];
    const answer = await messages().create({ model, max_tokens: 200, messages: [user(content)] }, errand.options);
    await world.expectBilled(errand, { prompt: answer.usage.input_tokens, completion: answer.usage.output_tokens });
    const file = { filename: 'report.pdf', file_data: `data:application/pdf;base64,${pdf}` };
    expect((await world.callFor(errand)).body.messages).toMatchObject([
      { content: isNative ? content : [{ type: 'file', file }, { type: 'text' }] },
    ]);
  });

  test('a document at an address is shown to Claude, which fetches it, and refused for others by its place', async () => {
    const errand = world.errand();
    const source = { type: 'url' as const, url: 'https://example.com/a.pdf' };
    const content = [{ type: 'document' as const, source }];
    const asked = messages().create({ model, max_tokens: 20, messages: [user(content)] }, errand.options);
    if (isNative) {
      await asked;
      expect((await world.callFor(errand)).body.messages).toMatchObject([{ content }]);
    } else {
      await expect(asked).rejects.toMatchObject({ status: 400, message: expect.stringContaining('/messages') });
      expect(await world.gateway().sandbox.calls({ request_id: errand.id })).toEqual([]);
    }
  });

  test('metadata.user_id is whose limits and usage count', async () => {
    const body = {
      model,
      max_tokens: 20,
      messages: [user('Mine')],
      metadata: { user_id: `user-of-${major}-${model}` },
    };
    await messages().create(body);
    const { body: usage } = await world.gateway().get(`/v1/rate-limit/${encodeURIComponent(body.metadata.user_id)}`);
    expect(usage).toMatchObject({ minute_requests: 1 });
  });
});

describe.for(anthropicMajors)('what only Anthropic has, asked for by %s', (major) => {
  const messages = () => anthropic(major, world.url).messages;

  test('thinking is shown before the answer, whole and streamed, and can be sent back', async () => {
    const errand = world.errand();
    const body = {
      model: claude,
      max_tokens: 2000,
      messages: [user('Think first')],
      thinking: { type: 'enabled' as const, budget_tokens: 1024 },
    };
    const whole = await messages().create(body, errand.options);
    expect(whole.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
    expect(whole.content[0]).toMatchObject({
      thinking: expect.stringContaining('Think first'),
      signature: expect.stringMatching(/./),
    });
    await world.expectBilled(errand, { prompt: whole.usage.input_tokens, completion: whole.usage.output_tokens });
    const built = await messages().stream(body).finalMessage();
    expect(built.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
    expect(built.content[0]).toMatchObject({ thinking: (whole.content[0] as { thinking: string }).thinking });

    const second = world.errand();
    const turns = [...body.messages, { role: 'assistant' as const, content: whole.content }, user('And then?')];
    await messages().create({ ...body, messages: turns }, second.options);
    expect((await world.callFor(second)).body.messages).toEqual(JSON.parse(JSON.stringify(turns)));
  });

  test.for([
    { model: 'gpt-5', effort: expect.stringMatching(/^(minimal|low|medium|high)$/) },
    { model: gpt, effort: undefined },
  ])('thinking is asked of $model as an effort, if it can reason', async ({ model, effort }) => {
    const errand = world.errand();
    const thinking = { type: 'enabled' as const, budget_tokens: 1024 };
    const body = { model, max_tokens: 2000, messages: [user('Think first')], thinking };
    const answer = await messages().create(body, errand.options);
    expect(answer.content.at(-1)).toMatchObject({ type: 'text', text: expect.stringContaining('heard "Think first"') });
    await world.expectBilled(errand, { prompt: answer.usage.input_tokens, completion: answer.usage.output_tokens });
    expect((await world.callFor(errand)).body.reasoning_effort).toEqual(effort);
  });

  test('cache_control writes and reads the cache of the provider, and the usage tells how much', async () => {
    const text = `Long instructions of ${major}. `.repeat(40);
    const system = [{ type: 'text' as const, text, cache_control: { type: 'ephemeral' as const } }];
    const body = { model: claude, max_tokens: 20, system, messages: [user('Cached?')] };
    const first = await messages().create(body);
    expect(first.usage.cache_creation_input_tokens).toBeGreaterThan(100);
    expect(first.usage.cache_read_input_tokens).toBe(0);
    const errand = world.errand();
    const second = await messages().stream(body, errand.options).finalMessage();
    expect(second.usage.cache_read_input_tokens).toBe(first.usage.cache_creation_input_tokens);
    expect(second.usage.input_tokens).toBe(first.usage.input_tokens);
    const { cache_read_tokens, prompt_tokens } = await world.callFor(errand);
    expect(second.usage.cache_read_input_tokens).toBe(cache_read_tokens);
    expect(second.usage.input_tokens + cache_read_tokens).toBe(prompt_tokens);
  });

  test('cache_control for GPT is a hint that may be dropped', async () => {
    const errand = world.errand();
    const system = [{ type: 'text' as const, text: 'Instructions', cache_control: { type: 'ephemeral' as const } }];
    await messages().create({ model: gpt, max_tokens: 20, system, messages: [user('Hint')] }, errand.options);
    expect(JSON.stringify((await world.callFor(errand)).body)).not.toContain('cache_control');
  });

  test.for([
    ['top_k', { top_k: 5 }],
    ['container', { container: 'container_1' }],
    ['mcp_servers', { mcp_servers: [{ type: 'url', url: 'https://example.com', name: 'x' }] }],
  ] as const)('%s is refused for GPT by its name, before anything is bought', async ([name, member]) => {
    const errand = world.errand();
    const body = { model: gpt, max_tokens: 20, messages: [user('Not for you')], ...member };
    await expect(messages().create(body, errand.options)).rejects.toMatchObject({
      status: 400,
      error: { type: 'error', error: { type: 'invalid_request_error', message: expect.stringContaining(name) } },
    });
    expect(await world.gateway().sandbox.calls({ request_id: errand.id })).toEqual([]);
  });

  test('events of the provider that nobody knows yet come in their order', async () => {
    const body = { model: claude, max_tokens: 200, messages: [user('[[unknown]]')], x_new: { of: ['the', 'client'] } };
    const errand = world.errand();
    const whole = await messages().create(body, errand.options);
    expect((await world.callFor(errand)).body).toMatchObject({ x_new: body.x_new });
    expect(whole).toHaveProperty('x_sandbox');
    expect(whole.content[0]).toHaveProperty('x_block');
    const events = await take(await messages().create({ ...body, stream: true }));
    expect(events.find(({ type }) => type === 'message_start')).toHaveProperty('message.x_sandbox');
    expect(events.find(({ type }) => type === 'content_block_start')).toHaveProperty('content_block.x_block');
    expect(events.find(({ type }) => type === 'content_block_delta')).toHaveProperty('delta.x_delta');
  });
});
