import { describe, expect, test } from 'vitest';
import { anthropic, anthropicMajors, claude, gpt, openAI, openAIMajors } from './clients.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();
const embedder = 'text-embedding-3-small';

describe.for(openAIMajors)('embeddings of %s', (major) => {
  const embeddings = () => openAI(major, world.url).embeddings;
  // An equal question of the other major's would be answered from the cache.
  const dimensions = 16 + openAIMajors.indexOf(major);

  test('come as numbers, whether the SDK has them sent as base64 or as floats', async () => {
    const errand = world.errand();
    const packed = await embeddings().create({ model: embedder, input: `A text of ${major}` }, errand.options);
    const plain = await embeddings().create({ model: embedder, input: `A text of ${major}`, encoding_format: 'float' });
    const vector = packed.data[0]?.embedding ?? [];
    expect(vector).toHaveLength(1536);
    expect(vector.every((value) => typeof value === 'number' && Number.isFinite(value))).toBe(true);
    expect(plain.data[0]?.embedding).toHaveLength(1536);
    for (const [index, value] of (plain.data[0]?.embedding ?? []).entries())
      expect(value).toBeCloseTo(vector[index] ?? NaN, 6);
    expect(packed).toMatchObject({ object: 'list', model: embedder, data: [{ object: 'embedding', index: 0 }] });
    await world.expectBilled(errand, { prompt: packed.usage.prompt_tokens, completion: 0 });
    expect((await world.callFor(errand)).body).toMatchObject({ encoding_format: 'base64' });
  });

  test.for([
    { what: 'texts', input: ['one', 'two', 'three'], length: 3 },
    { what: 'tokens', input: [100, 200], length: 1 },
    { what: 'lists of tokens', input: [[100, 200], [300]], length: 2 },
  ])('of $what are numbered and charged together', async ({ input, length }) => {
    const errand = world.errand();
    const answer = await embeddings().create({ model: embedder, input, dimensions, user: 'ada' }, errand.options);
    expect(answer.data.map(({ index }) => index)).toEqual(Array.from({ length }, (_, index) => index));
    expect(answer.data.every(({ embedding }) => embedding.length === dimensions)).toBe(true);
    await world.expectBilled(errand, { prompt: answer.usage.prompt_tokens, completion: 0 });
    expect((await world.callFor(errand)).body).toMatchObject({ input, dimensions });
  });

  test.for([
    { what: 'an empty text', body: { model: embedder, input: '' }, param: /^input/ },
    { what: 'no text at all', body: { model: embedder, input: [] }, param: /^input/ },
    { what: 'a model that makes none', body: { model: gpt, input: 'x' }, param: /^model/ },
    { what: 'a Claude model', body: { model: claude, input: 'x' }, param: /^model/ },
  ])('of $what are refused by its name', async ({ body, param }) => {
    await expect(embeddings().create(body)).rejects.toMatchObject({ status: 400, param: expect.stringMatching(param) });
  });
});

describe.for(openAIMajors)('stored chat completions of %s', (major) => {
  const completions = () => openAI(major, world.url).chat.completions;

  test.for([gpt, claude])('of %s are listed, changed, read and deleted', async (model) => {
    const messages = [{ role: 'user' as const, content: 'Remember' }];
    const metadata = { topic: `of-${model}-${openAIMajors.indexOf(major)}` };
    const made = [];
    for (const _ of [1, 2, 3]) made.push(await completions().create({ model, messages, store: true, metadata }));
    const unstored = await completions().create({ model, messages, metadata });
    const listed = await take(completions().list({ metadata, limit: 2, order: 'asc' }));
    expect(listed.map(({ id }) => id)).toEqual(made.map(({ id }) => id));
    expect(listed.map(({ id }) => id)).not.toContain(unstored.id);
    const [{ id } = { id: '' }] = made;
    expect(await completions().update(id, { metadata: { topic: 'another' } })).toMatchObject({
      id,
      metadata: { topic: 'another' },
    });
    expect(await take(completions().messages.list(id))).toMatchObject([{ role: 'user', content: 'Remember' }]);
    expect(await completions().delete(id)).toMatchObject({ id, object: 'chat.completion.deleted', deleted: true });
    await expect(completions().retrieve(id)).rejects.toMatchObject({ status: 404 });
  });
});

describe.for(openAIMajors)('legacy completions of %s', (major) => {
  const completions = () => openAI(major, world.url).completions;

  test('come whole and streamed', async () => {
    const errand = world.errand();
    const body = { model: gpt, prompt: 'Once upon a time', max_tokens: 30 };
    const whole = await completions().create(body, errand.options);
    expect(whole).toMatchObject({ object: 'text_completion', model: gpt, choices: [{ index: 0 }] });
    expect(whole.id).toMatch(/^cmpl-/);
    expect(whole.choices[0]?.text).toContain('heard "Once upon a time"');
    await world.expectBilled(errand, {
      prompt: whole.usage?.prompt_tokens,
      completion: whole.usage?.completion_tokens,
    });
    const chunks = await take(await completions().create({ ...body, stream: true }));
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text);
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason ?? null).at(-1)).toBe(whole.choices[0]?.finish_reason);
  });
});

describe.for(openAIMajors)('models as %s sees them', (major) => {
  const models = () => openAI(major, world.url).models;

  test('are listed, all on one page, and retrieved by every name that they have', async () => {
    const all = await take(models().list());
    const ids = all.map(({ id }) => id);
    expect(ids).toContain('openai/gpt-4o');
    expect(ids).toContain('anthropic/claude-haiku-4-5');
    expect(new Set(ids).size).toBe(ids.length);
    for (const one of all)
      expect(one).toMatchObject({ object: 'model', created: expect.any(Number), owned_by: expect.any(String) });
    for (const name of ['gpt-4o', 'openai/gpt-4o', 'anthropic/claude-haiku-4-5']) {
      expect(await models().retrieve(name)).toMatchObject({ object: 'model', id: expect.stringContaining(name) });
    }
    await expect(models().retrieve('no-such-model')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });
});

describe.for(anthropicMajors)('models as %s sees them', (major) => {
  const models = () => anthropic(major, world.url).models;

  test('are listed page by page, and retrieved by every name that they have', async () => {
    const all = await take(models().list({ limit: 1000 }));
    const paged = await take(models().list({ limit: 7 }));
    expect(all.length).toBeGreaterThan(14);
    expect(paged.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    const page = await models().list({ limit: 7 });
    expect(page).toMatchObject({ has_more: true, first_id: all[0]?.id, last_id: all[6]?.id });
    for (const one of all) {
      expect(one).toMatchObject({ type: 'model', display_name: expect.any(String), created_at: expect.any(String) });
    }
    expect(await models().retrieve(claude)).toMatchObject({ type: 'model', id: expect.stringContaining(claude) });
    await expect(models().retrieve('no-such-model')).rejects.toMatchObject({ status: 404, type: 'not_found_error' });
  });
});

describe.for(anthropicMajors)('tokens as %s has them counted', (major) => {
  const messages = () => anthropic(major, world.url).messages;
  const turns = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content: `Turn ${index} of a conversation that becomes longer and longer`,
    }));

  test.for([claude, gpt])('are those that %s will charge, more or less, and cost nothing', async (model) => {
    const tools = [{ name: 'weather', description: 'The weather', input_schema: { type: 'object' as const } }];
    const body = { model, system: 'Be brief.', messages: turns(5), tools };
    const errand = world.errand();
    const { data, response } = await messages().countTokens(body, errand.options).withResponse();
    const { usage } = await messages().create({ ...body, max_tokens: 20 });
    expect(Math.abs(data.input_tokens - usage.input_tokens)).toBeLessThanOrEqual(0.1 * usage.input_tokens + 2);
    const longer = await messages().countTokens({ ...body, messages: turns(9) });
    expect(longer.input_tokens).toBeGreaterThan(data.input_tokens);
    if (model === gpt) expect(response.headers.get('x-gateway-token-count')).toBe('estimated');
    expect((await world.gateway().sandbox.bill({ request_id: errand.id })).calls).toBe(0);
  });
});

test('an unknown path is told of in the terms of whoever asks', async () => {
  await expect(openAI('openai 7', world.url).get('/no/such/thing')).rejects.toMatchObject({
    status: 404,
    code: 'unknown_url',
  });
  await expect(anthropic('anthropic 1', world.url).get('/v1/no/such/thing')).rejects.toMatchObject({
    status: 404,
    type: 'not_found_error',
  });
});
