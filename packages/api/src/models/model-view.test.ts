import { models } from '@llm-gateway/shared/pricing/models';
import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { parsePriceFile } from '@llm-gateway/shared/pricing/price-file';
import { expect, test } from 'vitest';
import { modelView, viewModel, viewSeedModel } from './model-view.ts';

const own = {
  input_per_1m_usd: 1.1,
  output_per_1m_usd: 4.4,
  reasoning_per_1m_usd: 5.5,
  image_input_per_1m_usd: 2.2,
  audio_input_per_1m_usd: 32,
  audio_output_per_1m_usd: 64,
};
const file = parsePriceFile(
  { models: { 'gpt-4o': { ...own, max_output_tokens: 5 }, 'gpt-6-luna': { ...own, max_output_tokens: 777 } } },
  'prices.json',
);

function view(id: string, book = createPriceBook({ overrides: {} })) {
  const row = models.find((model) => model.id === id);
  if (!row) throw new Error(`no model ${id}`);
  return modelView.parse(viewModel(row, book));
}

test('a model shows every kind of price that it has', () => {
  expect(view('anthropic/claude-sonnet-4-5').pricing).toEqual({
    input_per_1m_usd: 3,
    cached_input_per_1m_usd: 0.3,
    cache_write_per_1m_usd: 3.75,
    cache_write_1h_per_1m_usd: 6,
    output_per_1m_usd: 15,
  });
  expect(view('openai/gpt-4-turbo').pricing).toEqual({ input_per_1m_usd: 10, output_per_1m_usd: 30 });
});

test('the prices of a file are shown in place of the catalogue’s', () => {
  const book = createPriceBook({ overrides: {}, file });
  expect(view('openai/gpt-4o', book).pricing).toEqual(own);
  expect(viewSeedModel(view('openai/gpt-4o', book))).toMatchObject({ cost_per_1k_tokens: 0.0011 });
});

test('a file tells the longest answer of a model where we do not know it', () => {
  const book = createPriceBook({ overrides: {}, file });
  expect(view('openai/gpt-6-luna').max_tokens).toBeNull();
  expect(view('openai/gpt-6-luna', book).max_tokens).toBe(777);
  expect(view('openai/gpt-4o', book).max_tokens).toBe(16_384);
});
