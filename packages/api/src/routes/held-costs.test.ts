import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { NativeApi } from '@llm-gateway/shared/contracts/native-body';
import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { type ResolvedModel, resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll, describe, expect, test } from 'vitest';
import { createEstimator } from '../admission/estimate.ts';
import { budgetRules } from '../budget/budget-rule.ts';
import { generationEndpoints } from './generation-endpoints.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());
const estimate = createEstimator({ prices: createPriceBook({ overrides: {} }), counter });
const budgets = budgetRules('key', 'key:k', [{ period: 'total', limit_usd: '1', alert_percents: [] }]);

const paths = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
  messages: '/v1/messages',
  responses: '/v1/responses',
} as const satisfies Record<NativeApi, string>;

const usual: Record<NativeApi, object> = {
  chat: { model: 'gpt-4o', messages: [{ role: 'user', content: 'honey' }], max_tokens: 1000 },
  completions: { model: 'gpt-4o', prompt: 'honey', max_tokens: 1000 },
  embeddings: { model: 'text-embedding-3-small', input: 'honey' },
  messages: { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'honey' }], max_tokens: 1000 },
  responses: { model: 'gpt-4o', input: 'honey', max_output_tokens: 1000 },
};

function read(api: NativeApi, more: object): { generation: Generation; model: ResolvedModel } {
  const endpoint = generationEndpoints.find(({ path }) => path === paths[api]);
  const body = endpoint?.body.parse({ ...usual[api], ...more });
  const asked = endpoint?.read(body);
  const model = resolveModel(asked?.model ?? '');
  if (!asked || !model) throw new Error(`nobody reads ${api}`);
  return { generation: asked.generation, model };
}

async function heldUsd(api: NativeApi, more: object = {}): Promise<number> {
  const { generation, model } = read(api, more);
  const made = await estimate(generation, model, { rules: [], budgets });
  return Number(made?.nanoUsd ?? 0) / 1e9;
}

describe('what a client can write into its body that makes a call dearer is held', () => {
  // gpt-4o: 10 USD for a million tokens of an answer; claude-sonnet-4-5: 15 USD; text-embedding-3-small: 0.02 USD.
  test.for<[string, NativeApi, object, number]>([
    ['no bound: that of the model', 'chat', { max_tokens: null }, 0.16],
    ['zero, which is none', 'chat', { max_tokens: 0 }, 0.16],
    ['both names of a bound: the greater', 'chat', { max_completion_tokens: 1, max_tokens: 10_000 }, 0.1],
    ['several answers', 'chat', { n: 10 }, 0.1],
    ['the best of several', 'chat', { best_of: 10 }, 0.1],
    ['the best of several texts', 'completions', { best_of: 10 }, 0.1],
    ['an answer to each of several texts', 'completions', { prompt: Array(10).fill('honey') }, 0.1],
    ['no bound of a text: 16 tokens', 'completions', { max_tokens: null, n: 100 }, 0.016],
    ['no bound of a response', 'responses', { max_output_tokens: null }, 0.16],
    ['what is predicted', 'chat', { prediction: { type: 'content', content: 'honey '.repeat(2000) } }, 0.02],
    ['thoughts beyond the bound', 'messages', { thinking: { type: 'enabled', budget_tokens: 20_000 } }, 0.3],
    ['a million tokens in numbers', 'embeddings', { input: [Array(500_000).fill(1), Array(500_000).fill(2)] }, 0.02],
    ['twice the price to be first', 'chat', { service_tier: 'priority', max_tokens: 10_000 }, 0.2],
    ['the other name of it', 'responses', { service_tier: 'fast', max_output_tokens: 10_000 }, 0.2],
    ['six times the price to be fast', 'messages', { speed: 'fast', max_tokens: 10_000 }, 0.9],
    ['a tenth to stay in the country', 'messages', { inference_geo: 'us', max_tokens: 10_000 }, 0.165],
    [
      'a file that the provider keeps',
      'responses',
      { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] },
      1.25,
    ],
  ])('%s', async ([, api, more, leastUsd]) => {
    expect(await heldUsd(api, more)).toBeGreaterThanOrEqual(leastUsd);
    expect(await heldUsd(api)).toBeLessThan(leastUsd);
  });

  test('what may come cheaper is held as if it did not', async () => {
    expect(await heldUsd('chat', { service_tier: 'flex' })).toBe(await heldUsd('chat'));
  });
});

describe('what nobody can bound is refused where a budget has to be kept, and nowhere else', () => {
  test.for<[NativeApi, object, string]>([
    ['chat', { web_search_options: {} }, '/web_search_options'],
    ['responses', { tools: [{ type: 'custom', name: 'a' }, { type: 'web_search' }] }, '/tools/1'],
    ['responses', { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }, '/tools/0'],
    ['responses', { tools: [{ type: 'a_tool_of_tomorrow' }] }, '/tools/0'],
    ['responses', { prompt: { id: 'pmpt_1' } }, '/prompt'],
    ['responses', { context_management: [{ type: 'compaction' }] }, '/context_management'],
    ['messages', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, '/tools/0'],
    ['messages', { mcp_servers: [{ type: 'url', url: 'https://x', name: 'x' }] }, '/mcp_servers'],
    ['messages', { fallbacks: [{ model: 'claude-opus-4-1' }] }, '/fallbacks'],
    ['messages', { context_management: { edits: [{ type: 'compact_20260112' }] } }, '/context_management'],
  ])('%s with %j', async ([api, more, pointer]) => {
    const error = await heldUsd(api, more).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GatewayError);
    expect((error as GatewayError).failure).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
    const { generation, model } = read(api, more);
    expect(await estimate(generation, model, { rules: [], budgets: [] })).toBeUndefined();
  });

  test.for<[NativeApi, object]>([
    ['chat', { tools: [{ type: 'custom', custom: { name: 'a' } }] }],
    ['responses', { tools: [{ type: 'local_shell' }, { type: 'custom', name: 'a' }], prompt: null }],
    [
      'messages',
      {
        tools: [
          { type: 'bash_20250124', name: 'bash' },
          { name: 'a', input_schema: {} },
        ],
        mcp_servers: [],
      },
    ],
    ['messages', { context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] } }],
  ])('tools of the client are not: %s with %j', async ([api, more]) => {
    expect(await heldUsd(api, more)).toBeLessThan(0.05);
  });
});
