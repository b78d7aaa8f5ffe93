import { expect } from 'vitest';
import { collect, test } from '../test-with-sandbox.ts';

test('one path, two shapes', async ({ openai, anthropic }) => {
  const ofOpenAI = await collect(openai.models.list());
  expect(ofOpenAI).toContainEqual({ id: 'gpt-4o', object: 'model', created: expect.any(Number), owned_by: 'openai' });
  expect(ofOpenAI.map(({ id }) => id)).toContain('sandbox/fail-twice');
  const ofAnthropic = await collect(anthropic.models.list());
  expect(ofAnthropic).toContainEqual(expect.objectContaining({ id: 'claude-sonnet-4-5', type: 'model' }));
});

test('any name is a model, slashes and all, except the missing one', async ({ openai, anthropic }) => {
  expect(await openai.models.retrieve('sandbox/slow-10')).toMatchObject({ id: 'sandbox/slow-10', object: 'model' });
  expect(await anthropic.models.retrieve('claude-haiku-4-5')).toMatchObject({ display_name: 'Claude Haiku 4.5' });
  await expect(openai.models.retrieve('no-such-model-1')).rejects.toMatchObject({
    status: 404,
    code: 'model_not_found',
  });
  await expect(anthropic.models.retrieve('no-such-model-1')).rejects.toMatchObject({
    status: 404,
    type: 'not_found_error',
  });
});
