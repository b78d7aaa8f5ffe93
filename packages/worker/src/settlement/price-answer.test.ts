import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { expect, test } from 'vitest';
import { priceAnswer } from './price-answer.ts';

const prices = createPriceBook({ overrides: {} });

const answer: Answer = {
  text: 'x',
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { promptTokens: 1000, completionTokens: 500, totalTokens: 1500 },
  usageSource: 'provider',
  providerModel: 'gpt-4o',
  providerRequestId: null,
};

test('a line of a batch costs half', () => {
  const model = resolveModel('gpt-4o');
  if (!model) throw new Error('gpt-4o is not known');
  const cost = (record: { batch?: true }) => BigInt(priceAnswer(prices, model, answer, record).costNanoUsd ?? 0);
  expect(cost({})).toBeGreaterThan(0n);
  expect(cost({ batch: true }) * 2n).toBe(cost({}));
});

test('of an unknown price there is no half either', () => {
  const model = resolveModel('openai/never-heard-of');
  if (!model) throw new Error('a model with a provider is always known');
  expect(priceAnswer(prices, model, answer, { batch: true }).costNanoUsd).toBeNull();
});
