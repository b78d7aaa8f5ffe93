import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { parsePriceFile } from '@llm-gateway/shared/pricing/price-file';
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

test.for<[string, Answer['terms'], { batch?: true }, bigint]>([
  // 1000 x 2.50 + 500 x 10 = 7500 µUSD
  ['usual terms', undefined, {}, 7_500_000n],
  ['priority', ['priority'], {}, 15_000_000n],
  ['flex', ['flex'], {}, 3_750_000n],
  ['a batch that was served as flex, which is the same price', ['flex'], { batch: true }, 3_750_000n],
  ['a batch that was served with priority', ['priority'], { batch: true }, 7_500_000n],
  ['fast mode in one country', ['fast', 'us'], {}, 49_500_000n],
])('%s: the price of the terms that a call was served on', ([, terms, record, nano]) => {
  const model = resolveModel('gpt-4o');
  if (!model) throw new Error('gpt-4o is not known');
  const served = { ...answer, ...(terms ? { terms } : {}) };
  expect(priceAnswer(prices, model, served, record).costNanoUsd).toBe(String(nano));
});

test('what a server of the operator calls priority has the price of the operator, and so has OpenAI where there is one', () => {
  const file = parsePriceFile(
    {
      models: {
        'groq/*': { input_per_1m_usd: 1, output_per_1m_usd: 1 },
        'openai/gpt-4o': { input_per_1m_usd: 1, output_per_1m_usd: 1, priority_factor: 1.7 },
      },
    },
    'prices.json',
  );
  const own = createPriceBook({ overrides: {}, file });
  const costOf = (name: string) => {
    const model = resolveModel(name);
    if (!model) throw new Error(`${name} is not known`);
    return priceAnswer(own, model, { ...answer, terms: ['priority'] }, {}).costNanoUsd;
  };
  expect(costOf('groq/x')).toBe('1500000');
  expect(costOf('gpt-4o')).toBe('2550000');
});
