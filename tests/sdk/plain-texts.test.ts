import { describe, expect, test } from 'vitest';
import { openAI, openAIMajors } from './clients.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

describe.for(openAIMajors)('%s', (major) => {
  const client = () => openAI(major, world.url);
  const model = 'text-embedding-3-small';

  test('embeddings are the same in either encoding, and at the price of the bill', async () => {
    const errand = world.errand();
    const input = [`a cat of ${errand.id}`, 'a dog'];
    const asked = await client().embeddings.create({ model, input }, errand.options);
    const floats = await client().embeddings.create({ model, input, encoding_format: 'float' });
    expect(asked.data.map(({ index }) => index)).toEqual([0, 1]);
    expect(asked.data[0]?.embedding).toHaveLength(1536);
    expect(asked.data.map(({ embedding }) => embedding)).toEqual(floats.data.map(({ embedding }) => embedding));
    await world.expectBilled(errand, { prompt: asked.usage.prompt_tokens, completion: 0 });
  });

  test('a text is completed, whole and streamed', async () => {
    const body = { model: 'openai/gpt-3.5-turbo-instruct', prompt: 'Once upon a time', max_tokens: 8 };
    const whole = await client().completions.create(body);
    expect(whole).toMatchObject({ id: expect.stringMatching(/^cmpl-/), object: 'text_completion' });
    const chunks = await take(await client().completions.create({ ...body, stream: true }));
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
  });
});
