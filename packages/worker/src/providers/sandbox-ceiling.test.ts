import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { outputCeilingOf } from '@llm-gateway/shared/pricing/upper-cost';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll, expect, test } from 'vitest';
import { openBench } from './conformance-bench.ts';
import { createOpenAI } from './openai/index.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const bench = openBench({
  name: 'sandbox',
  create: (url, { apiKey = 'any-key-will-do', timeoutMs = 30_000 } = {}) =>
    createOpenAI({ name: 'sandbox', mode: 'sandbox', apiKey, baseURL: `${url}/v1`, timeoutMs, counter }),
  reasons: { stop: 'stop', length: 'length', contentFilter: 'content_filter' },
  errorBody: () => ({}),
});

// Characters that take many tokens, in a prompt and in the longest name there is.
const dense = '\u{12000}\u{1f9ff}\u{20bb7}'.repeat(100);
const longest = `ok${'+ok'.repeat(82)}`;

test.for([
  ['echo', undefined],
  [longest, undefined],
  ['content-filter', undefined],
  ['tokens-0', 0],
  ['tokens-1', 1],
  ['tokens-2500', 2500],
  ['tokens-3000+drip-0', 3000],
  ['tokens-30+tokens-20', undefined],
  ['tokens-30+content-filter', undefined],
  ['empty', 0],
] as const)('an answer of the sandbox to %s is no longer than its ceiling', async ([order, exactly]) => {
  const model = resolveModel(`sandbox/${order}`);
  if (!model) throw new Error(`no model sandbox/${order}`);
  const ceiling = outputCeilingOf(model, createPriceBook({ overrides: {} }));
  for (const text of ['Hello', dense]) {
    const { answer } = await bench.call(order, { messages: [{ role: 'user', text }] });
    expect(answer?.usageSource).toBe('provider');
    expect(answer?.usage.completionTokens).toBeLessThanOrEqual(ceiling ?? -1);
    if (exactly !== undefined) expect([answer?.usage.completionTokens, ceiling]).toEqual([exactly, exactly]);
  }
});
