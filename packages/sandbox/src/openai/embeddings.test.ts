import { expect } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { test } from '../test-with-sandbox.ts';

const model = 'text-embedding-3-small';
const lengthOf = (vector: number[]) => Math.hypot(...vector);

test('unit vectors that follow from the text, billed as prompt', async ({ openai, sandbox }) => {
  const { data, usage } = await openai.embeddings.create({ model, input: ['bear', 'honey', 'bear'] });
  expect(data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
    [0, 1_536],
    [1, 1_536],
    [2, 1_536],
  ]);
  expect(lengthOf(data[0]!.embedding)).toBeCloseTo(1, 5);
  expect(data[0]!.embedding).toEqual(data[2]!.embedding);
  expect(data[0]!.embedding).not.toEqual(data[1]!.embedding);
  expect(usage.prompt_tokens).toBe(2 * countTokens('bear') + countTokens('honey'));
  expect(await sandbox.bill()).toMatchObject({ prompt_tokens: usage.prompt_tokens, completion_tokens: 0 });
});

test('base64, which the SDK asks for by itself, and float carry the same numbers', async ({ openai }) => {
  const [packed, plain] = await Promise.all([
    openai.embeddings.create({ model, input: 'bear', dimensions: 8 }),
    openai.embeddings.create({ model, input: 'bear', dimensions: 8, encoding_format: 'float' }),
  ]);
  expect(packed.data[0]!.embedding).toHaveLength(8);
  expect(packed.data[0]!.embedding).toEqual(plain.data[0]!.embedding);
  expect(lengthOf(plain.data[0]!.embedding)).toBeCloseTo(1, 5);
});

test.for([
  [[1, 2, 3], 1, 3],
  [[[1, 2], [3]], 2, 3],
] as const)('token arrays: %j is %i inputs of %i tokens', async ([input, inputs, tokens], { openai }) => {
  const { data, usage } = await openai.embeddings.create({ model, input: structuredClone<unknown>(input) as number[] });
  expect(data).toHaveLength(inputs);
  expect(usage.prompt_tokens).toBe(tokens);
});

test('the large model has longer vectors', async ({ openai }) => {
  const { data } = await openai.embeddings.create({ model: 'text-embedding-3-large', input: 'bear' });
  expect(data[0]!.embedding).toHaveLength(3_072);
});

test.for([[''], [[]], [undefined]])('input %j is refused by name', async ([input], { sandbox }) => {
  const response = await sandbox.post('/v1/embeddings', { model, input });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: 'input' } });
});
