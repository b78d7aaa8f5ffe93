import { findProvider } from '@pydantic/genai-prices';
import { describe, expect, test } from 'vitest';
import { catalogueMembers, cataloguePrice } from './catalogue-price.ts';
import { models } from './models.ts';
import { resolveModel } from './resolve-model.ts';

const priced = models.filter(({ provider }) => provider !== 'sandbox');
const everyName = priced.flatMap((row) => [row.model, ...row.aliases, ...row.snapshots].map((name) => ({ row, name })));
const now = Date.UTC(2026, 10, 23);

test('ids and names belong to one row each', () => {
  const names = models.flatMap(({ id, model, aliases, snapshots }) => [
    ...new Set([id, model, ...aliases]),
    ...snapshots,
  ]);
  expect(new Set(names).size).toBe(names.length);
});

test.for(models)('$id is its own id, and all its names lead to it', (row) => {
  expect(row.id.startsWith(`${row.provider}/`)).toBe(true);
  expect(resolveModel(row.id)).toMatchObject({ row, model: row.model });
  for (const alias of row.aliases) expect(resolveModel(alias)).toMatchObject({ id: row.id, row, model: row.model });
  for (const snapshot of row.snapshots) expect(resolveModel(snapshot)).toMatchObject({ row, model: snapshot });
});

test.for(models)('$id has plausible facts', ({ createdOn, maxInputTokens, maxOutputTokens }) => {
  if (createdOn) expect(new Date(createdOn).toISOString().slice(0, 10)).toBe(createdOn);
  expect(maxOutputTokens ?? 0).toBeLessThanOrEqual(maxInputTokens ?? Number.POSITIVE_INFINITY);
});

describe('the catalogue', () => {
  const entryOf = (provider: string, name: string) => {
    const { models: entries = [] } = findProvider({ providerId: provider }) ?? {};
    return entries.find(({ id, match }) => id === name || JSON.stringify(match).includes(`"${name}"`));
  };

  test.for(everyName)('prices $name', ({ row, name }) => {
    expect(cataloguePrice(row, name, now)).toBeDefined();
  });

  // Each of Anthropic's models in our table has one; the rule is for one that has not, as an older one that is not.
  test('a write for an hour costs twice the input where Anthropic has no price for it', () => {
    const row = models.find(({ id }) => id === 'anthropic/claude-3-opus');
    if (!row) throw new Error('no claude-3-opus');
    // 8 USD per million tokens
    expect(cataloguePrice(row, 'claude-2', now)?.cacheWrite1h).toEqual({ base: 16_000_000n, tiers: [] });
    expect(cataloguePrice(row, row.model, now)?.cacheWrite1h).toEqual({ base: 30_000_000n, tiers: [] });
  });

  // A new kind of token price would otherwise be left out of our sums without a word.
  test.for(everyName)('prices $name by token kinds that we count, and tools', ({ row, name }) => {
    const { prices } = entryOf(row.provider, row.aliases[0] ?? name) ?? entryOf(row.provider, name) ?? { prices: {} };
    const keys = (Array.isArray(prices) ? prices.map((dated) => dated.prices) : [prices]).flatMap(Object.keys);
    const leftOut = ['web_searches_kcount', 'storage_searches_kcount'];
    expect([...Object.values(catalogueMembers), ...leftOut]).toEqual(expect.arrayContaining(keys));
  });

  // Where we know better than the catalogue; gpt-5-chat-latest shares the entry of gpt-5.
  const windows = new Map([
    ['openai/gpt-4.1', 1_047_576],
    ['openai/gpt-4.1-mini', 1_047_576],
    ['openai/gpt-4.1-nano', 1_047_576],
    ['openai/gpt-5-chat-latest', 128_000],
    ['openai/gpt-5.5', 1_050_000],
  ]);

  test.for(priced)('agrees on the window of $id', (row) => {
    const entry = entryOf(row.provider, row.model) ?? entryOf(row.provider, row.aliases[0] ?? '');
    expect(row.maxInputTokens).toBe(windows.get(row.id) ?? entry?.context_window ?? row.maxInputTokens);
  });
});
