import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll, expect, test } from 'vitest';
import { partialAnswer } from './partial-answer.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const model = { id: 'openai/gpt-4o', provider: 'openai', model: 'gpt-4o', known: true } as const;
const generation = { system: 'Be brief.', messages: [{ role: 'user', text: 'hello world' }] } as const;
const asked = { ...generation, messages: [...generation.messages] };

test('an answer that was cut off is charged by its tokens, and says that it is an estimate', async () => {
  expect(await partialAnswer(asked, ['tiktoken is great!'], model, undefined, counter)).toEqual({
    text: 'tiktoken is great!',
    finishReason: { unified: 'other', raw: null },
    // 3 + 2 of the prompt's texts, 3 around each of them and 3 that open the answer.
    usage: { promptTokens: 14, completionTokens: 6, totalTokens: 20 },
    usageSource: 'estimated',
    providerModel: 'gpt-4o',
    providerRequestId: null,
  });
});

test('what the provider had counted of the prompt stands, with its parts', async () => {
  const counted = {
    promptTokens: 70,
    completionTokens: 0,
    totalTokens: 70,
    cachedPromptTokens: 50,
    cacheWriteTokens: 5,
  };
  expect((await partialAnswer(asked, ['hello world'], model, counted, counter)).usage).toEqual({
    promptTokens: 70,
    completionTokens: 2,
    totalTokens: 72,
    cachedPromptTokens: 50,
    cacheWriteTokens: 5,
  });
});

test('what the provider had counted of the prompt is counted anew where it makes no sense', async () => {
  const nonsense = { promptTokens: Number.NaN, completionTokens: 0, totalTokens: Number.NaN };
  expect((await partialAnswer(asked, [''], model, nonsense, counter)).usage).toEqual({
    promptTokens: 14,
    completionTokens: 0,
    totalTokens: 14,
  });
});

test('before the first word there is the prompt to pay for', async () => {
  expect((await partialAnswer(asked, [''], model, undefined, counter)).usage).toEqual({
    promptTokens: 14,
    completionTokens: 0,
    totalTokens: 14,
  });
});
