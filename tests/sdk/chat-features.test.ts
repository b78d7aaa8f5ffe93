import { describe, expect, test } from 'vitest';
import { claude, gpt, openAI, openAICases, openAIMajors } from './clients.ts';
import { pdf, png } from './media.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const user = (content: string) => ({ role: 'user' as const, content });
const schema = {
  type: 'object',
  properties: { answer: { type: 'string' }, certain: { type: 'boolean' } },
  required: ['answer', 'certain'],
  additionalProperties: false,
};

describe.for(openAICases)('chat completions of $client with $model', ({ client: major, model, isNative }) => {
  const completions = () => openAI(major, world.url).chat.completions;

  test('response_format has the answer fit a schema, whole and streamed', async () => {
    const errand = world.errand();
    const body = {
      model,
      messages: [user('In order, please')],
      response_format: { type: 'json_schema' as const, json_schema: { name: 'verdict', schema, strict: true } },
    };
    const whole = await completions().parse(body, errand.options);
    const fitting = { answer: 'sandbox answer', certain: true };
    expect(whole.choices[0]?.message.parsed).toEqual(fitting);
    await world.expectBilled(errand, {
      prompt: whole.usage?.prompt_tokens,
      completion: whole.usage?.completion_tokens,
    });
    const built = await completions().stream(body).finalChatCompletion();
    expect(JSON.parse(built.choices[0]?.message.content ?? '')).toEqual(fitting);
    if (!isNative) {
      const sent = (await world.callFor(errand)).body;
      expect(sent.output_config).toMatchObject({ format: { type: 'json_schema', schema } });
    }
  });

  test.for([
    {
      manner: 'as data',
      url: `data:image/png;base64,${png}`,
      source: { type: 'base64', media_type: 'image/png', data: png },
    },
    {
      manner: 'by address',
      url: 'https://example.com/cat.png',
      source: { type: 'url', url: 'https://example.com/cat.png' },
    },
  ])('an image $manner is shown to the model', async ({ url, source }) => {
    const errand = world.errand();
    const content = [
      { type: 'text' as const, text: 'What is this?' },
      { type: 'image_url' as const, image_url: { url, detail: 'low' as const } },
    ];
    const answer = await completions().create({ model, messages: [{ role: 'user', content }] }, errand.options);
    expect(answer.choices[0]?.message.content).toContain('heard "What is this?"');
    await world.expectBilled(errand, {
      prompt: answer.usage?.prompt_tokens,
      completion: answer.usage?.completion_tokens,
    });
    const { body } = await world.callFor(errand);
    expect(body.messages).toMatchObject([
      { role: 'user', content: isNative ? content : [{ type: 'text' }, { type: 'image', source }] },
    ]);
  });

  test('a document is shown to the model', async () => {
    const errand = world.errand();
    const content = [
      { type: 'file' as const, file: { filename: 'report.pdf', file_data: `data:application/pdf;base64,${pdf}` } },
      { type: 'text' as const, text: 'Summarise' },
    ];
    const answer = await completions().create({ model, messages: [{ role: 'user', content }] }, errand.options);
    await world.expectBilled(errand, {
      prompt: answer.usage?.prompt_tokens,
      completion: answer.usage?.completion_tokens,
    });
    const { body } = await world.callFor(errand);
    const source = { type: 'base64', media_type: 'application/pdf', data: pdf };
    expect(body.messages).toMatchObject([
      { content: isNative ? content : [{ type: 'document', source, title: 'report.pdf' }, { type: 'text' }] },
    ]);
  });

  test('reasoning is asked for by its effort, and counted', async () => {
    const errand = world.errand();
    const body = { model, messages: [user('Think')], reasoning_effort: 'high' as const };
    const answer = await completions().create(body, errand.options);
    await world.expectBilled(errand, {
      prompt: answer.usage?.prompt_tokens,
      completion: answer.usage?.completion_tokens,
    });
    const { body: sent } = await world.callFor(errand);
    if (isNative) {
      expect(sent.reasoning_effort).toBe('high');
      expect(answer.usage?.completion_tokens_details?.reasoning_tokens).toBe(64);
    } else {
      expect(sent).toHaveProperty('thinking');
      expect(answer.usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0);
    }
    expect(answer.choices[0]?.message.content).toContain('heard "Think"');
  });

  test('null members are as good as none', async () => {
    const nulls = { temperature: null, max_tokens: null, stop: null, seed: null, n: null, logprobs: null, user: null };
    const body = { model, messages: [user('Nothing')], ...nulls, response_format: null, tools: null };
    const answer = await completions().create(body as unknown as { model: string; messages: [] });
    expect(answer.choices[0]?.finish_reason).toBe('stop');
  });
});

describe.for(openAIMajors)('what only OpenAI has, asked for by %s', (major) => {
  const completions = () => openAI(major, world.url).chat.completions;

  test('n answers come numbered, whole and streamed', async () => {
    const errand = world.errand();
    const body = { model: gpt, messages: [user('Three times')], n: 3 };
    const whole = await completions().create(body, errand.options);
    expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(whole.choices.map(({ message }) => message.content)).size).toBe(3);
    await world.expectBilled(errand, {
      prompt: whole.usage?.prompt_tokens,
      completion: whole.usage?.completion_tokens,
    });
    const built = await completions().stream(body).finalChatCompletion();
    expect(built.choices.map(({ message }) => message.content)).toEqual(
      whole.choices.map(({ message }) => message.content),
    );
  });

  test('logprobs come with the text, whole and streamed', async () => {
    const body = { model: gpt, messages: [user('How sure?')], logprobs: true, top_logprobs: 2, seed: 7 };
    const errand = world.errand();
    const whole = await completions().create(body, errand.options);
    const tokens = whole.choices[0]?.logprobs?.content ?? [];
    expect(tokens.map(({ token }) => token).join('')).toBe(whole.choices[0]?.message.content);
    expect(tokens[0]?.top_logprobs).toHaveLength(2);
    expect((await world.callFor(errand)).body).toMatchObject({ seed: 7, logprobs: true, top_logprobs: 2 });
    const chunks = await take(await completions().create({ ...body, stream: true }));
    expect(chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? [])).toEqual(tokens);
  });

  test.for([
    ['n', { n: 2 }],
    ['logprobs', { logprobs: true }],
    ['seed', { seed: 7 }],
    ['logit_bias', { logit_bias: { 50256: -100 } }],
    ['frequency_penalty', { frequency_penalty: 1 }],
    ['presence_penalty', { presence_penalty: 1 }],
    ['modalities', { modalities: ['text', 'audio'] as ('text' | 'audio')[] }],
    ['web_search_options', { web_search_options: {} }],
    ['temperature', { temperature: 1.5 }],
    ['response_format', { response_format: { type: 'json_object' as const } }],
  ] as const)('%s is refused for Claude by its name, before anything is bought', async ([name, member]) => {
    const errand = world.errand();
    const body = { model: claude, messages: [user('Not for you')], ...member };
    const error = await completions()
      .create(body, errand.options)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param: name });
    expect((error as Error).message).toContain(name);
    expect(await world.gateway().sandbox.calls({ request_id: errand.id })).toEqual([]);
  });

  test('functions, as they were before tools, are called', async () => {
    const functions = [{ name: 'weather', parameters: schema }];
    const { choices } = await completions().create({ model: gpt, messages: [user('[[tool]]')], functions });
    expect(choices[0]).toMatchObject({
      finish_reason: 'function_call',
      message: { function_call: { name: 'weather', arguments: expect.stringContaining('sandbox answer') } },
    });
  });
});
