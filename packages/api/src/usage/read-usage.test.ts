import { expect, test } from 'vitest';
import { summarise } from './read-usage.ts';

test('nobody has used nothing', () => {
  expect(summarise({})).toEqual({
    total_requests: 0,
    cached_requests: 0,
    coalesced_requests: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    total_tokens: 0,
    total_cost_usd: 0,
    average_cost_per_request: 0,
    unpriced_requests: 0,
    model_breakdown: {},
  });
});

test('a cost is known where one paid request had a price, however many were free, and unknown where none had', () => {
  const { model_breakdown, coalesced_requests } = summarise({
    'openai/shared|requests': '5',
    'openai/shared|coalesced': '4',
    'openai/shared|nanoUsd': '1000',
    'openai/new|requests': '3',
    'openai/new|coalesced': '1',
    'openai/new|cached': '1',
    'openai/new|unpriced': '1',
  });
  expect(coalesced_requests).toBe(5);
  expect(model_breakdown['openai/shared']).toMatchObject({ coalesced_requests: 4, cost_usd: 0.000001 });
  expect(model_breakdown['openai/new']).toMatchObject({ coalesced_requests: 1, cost_usd: null });
});

test('sums over models are exact where floats are not', () => {
  // 0.1 + 0.2 USD, the sum that floats get wrong; 0.3 / 6 requests.
  const summary = summarise({
    'openai/gpt-4o|requests': '3',
    'openai/gpt-4o|cached': '1',
    'openai/gpt-4o|promptTokens': '10',
    'openai/gpt-4o|completionTokens': '20',
    'openai/gpt-4o|nanoUsd': '100000000',
    'openai/new|requests': '1',
    'openai/new|unpriced': '1',
    'openai/odd|name|requests': '2',
    'openai/odd|name|nanoUsd': '200000000',
    'openai/odd|name|unpriced': '1',
  });
  expect(summary).toMatchObject({
    total_requests: 6,
    cached_requests: 1,
    total_tokens: 30,
    total_cost_usd: 0.3,
    average_cost_per_request: 0.05,
    unpriced_requests: 2,
  });
  expect(summary.model_breakdown['openai/new']).toMatchObject({ cost_usd: null, unpriced_requests: 1 });
  expect(summary.model_breakdown['openai/odd|name']).toMatchObject({
    requests: 2,
    cost_usd: 0.2,
    unpriced_requests: 1,
  });
});
