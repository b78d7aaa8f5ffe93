import { expect, test } from 'vitest';
import { partialAnswer } from './partial-answer.ts';

const model = { id: 'openai/gpt-4o', provider: 'openai', model: 'gpt-4o', known: true } as const;
const generation = { system: 'Be brief.', messages: [{ role: 'user', text: 'x'.repeat(390) }] } as const;
const asked = { ...generation, messages: [...generation.messages] };

test('an answer that was cut off is charged by its length, and says that it is an estimate', () => {
  expect(partialAnswer(asked, 'y'.repeat(41), model, undefined)).toEqual({
    text: 'y'.repeat(41),
    finishReason: { unified: 'other', raw: null },
    // Four characters a token, rounded up: 9 + 1 + 390 of the prompt, 41 of the answer.
    usage: { promptTokens: 100, completionTokens: 11, totalTokens: 111 },
    usageSource: 'estimated',
    providerModel: 'gpt-4o',
    providerRequestId: null,
  });
});

test('what the provider had counted of the prompt stands, with its parts', () => {
  const counted = {
    promptTokens: 70,
    completionTokens: 0,
    totalTokens: 70,
    cachedPromptTokens: 50,
    cacheWriteTokens: 5,
  };
  expect(partialAnswer(asked, 'y'.repeat(8), model, counted).usage).toEqual({
    promptTokens: 70,
    completionTokens: 2,
    totalTokens: 72,
    cachedPromptTokens: 50,
    cacheWriteTokens: 5,
  });
});

test('before the first word there is the prompt to pay for', () => {
  expect(partialAnswer(asked, '', model, undefined).usage).toEqual({
    promptTokens: 100,
    completionTokens: 0,
    totalTokens: 100,
  });
});
