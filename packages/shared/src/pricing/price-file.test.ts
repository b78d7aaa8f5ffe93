import { describe, expect, test } from 'vitest';
import { ConfigError } from '../config/load-config.ts';
import { createPriceBook, type PriceOverrides } from './price-book.ts';
import { parsePriceFile } from './price-file.ts';
import { resolveModel } from './resolve-model.ts';

const now = Date.UTC(2026, 10, 23);
const base = { input_per_1m_usd: '2', output_per_1m_usd: 8 };

/** What a million prompt tokens cost by a book of these prices, in USD. */
function usdPerMillion(name: string, models: Record<string, object>, overrides: PriceOverrides = {}, parts = {}) {
  const model = resolveModel(name);
  if (!model) throw new Error(`no model ${name}`);
  const book = createPriceBook({ overrides, file: parsePriceFile({ models }, 'prices.json') });
  const usage = { promptTokens: 1_000_000, completionTokens: 0, totalTokens: 1_000_000, ...parts };
  const cost = book.costOf(model, usage, now);
  return 'nanoUsd' in cost ? Number(cost.nanoUsd) / 1e9 : cost.reason;
}

const faultsOf = (content: unknown): string => {
  try {
    parsePriceFile(content, 'my/prices.json');
    return 'none';
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
};

describe('a file of prices', () => {
  test('has a price for every kind of token, exact to the millionth', () => {
    const member = {
      input_per_1m_usd: 2,
      output_per_1m_usd: '8.000001',
      cached_input_per_1m_usd: 0.000001,
      cache_write_per_1m_usd: '2.50',
      cache_write_1h_per_1m_usd: 0.1,
      image_input_per_1m_usd: '1000000',
      audio_input_per_1m_usd: '0',
      reasoning_per_1m_usd: 123_456.789012,
      audio_output_per_1m_usd: 64,
      batch_factor: '0.123456',
      max_output_tokens: 777,
    };
    const flat = (picoUsd: bigint) => ({ base: picoUsd, tiers: [] });
    expect(parsePriceFile({ models: { 'openai/new': member } }, 'x').models.get('openai/new')).toEqual({
      price: {
        input: flat(2_000_000n),
        output: flat(8_000_001n),
        cachedInput: flat(1n),
        cacheWrite: flat(2_500_000n),
        cacheWrite1h: flat(100_000n),
        imageInput: flat(1_000_000_000_000n),
        audioInput: flat(0n),
        reasoning: flat(123_456_789_012n),
        audioOutput: flat(64_000_000n),
        batchMillionths: 123_456n,
      },
      maxOutputTokens: 777,
    });
  });

  test.for([
    ['openai/new', {}, 2],
    ['openai/new', { cacheWriteTokens: 1_000_000, cacheWrite1hTokens: 1_000_000 }, 2],
    ['anthropic/new', { cacheWriteTokens: 1_000_000 }, 2],
    // Anthropic's own rule: twice the input.
    ['anthropic/new', { cacheWriteTokens: 1_000_000, cacheWrite1hTokens: 1_000_000 }, 4],
    ['anthropic/new', { cachedPromptTokens: 1_000_000 }, 2],
  ] as const)('what it leaves out of %s follows from what it says: %j', ([name, parts, usd]) => {
    expect(usdPerMillion(name, { [name]: base }, {}, parts)).toBe(usd);
  });

  test('gives a batch its own factor', () => {
    const file = parsePriceFile({ models: { 'gpt-4o': { ...base, batch_factor: 0.3 } } }, 'x');
    const model = resolveModel('gpt-4o');
    if (!model) throw new Error('no gpt-4o');
    const usage = { promptTokens: 5, completionTokens: 1, totalTokens: 6 };
    // (5 x 2 + 1 x 8) x 0.3 = 5.4 µUSD
    expect(createPriceBook({ overrides: {}, file }).costOf(model, usage, now, { batch: true })).toEqual({
      nanoUsd: 5400n,
    });
  });
});

describe('whose word counts', () => {
  const models = { 'gpt-4o': base, 'openai/*': { ...base, input_per_1m_usd: 3 }, 'sandbox/*': base };
  const overrides = { gpt4: '0.000005', claude: '0.000007' };

  test.for([
    // The model's entry, by whichever of its names, and for its snapshots too.
    ['gpt-4o', 2],
    ['openai/gpt-4o', 2],
    ['gpt-4o-2024-11-20', 2],
    // COST_PER_TOKEN_GPT4 before the wildcard.
    ['gpt-4o-mini', 5],
    ['openai/gpt-4-of-tomorrow', 5],
    // The wildcard before the catalogue, and for what nobody lists.
    ['o3', 3],
    ['openai/new', 3],
    ['sandbox/echo', 2],
    ['claude-haiku-4-5', 7],
  ] as const)('%s costs %d', ([name, usd]) => {
    expect(usdPerMillion(name, models, overrides)).toBe(usd);
  });

  test('a snapshot may have an entry of its own', () => {
    const own = { ...models, 'gpt-4o-2024-11-20': { ...base, input_per_1m_usd: 1 } };
    expect(usdPerMillion('gpt-4o-2024-11-20', own)).toBe(1);
    expect(usdPerMillion('gpt-4o-2024-08-06', own)).toBe(2);
  });

  test('what the file does not name stays as it was', () => {
    expect(usdPerMillion('claude-haiku-4-5', models)).toBe(1);
    expect(usdPerMillion('anthropic/new', models)).toBe('no_price');
  });
});

test.for([
  [{ models: { 'gpt-4o': { ...base, inptu: 1, colour: 2 } } }, 'gpt-4o: unknown member inptu, colour'],
  [{ models: {}, model: {} }, 'unknown member model'],
  [{ models: { 'gpt-4o': { output_per_1m_usd: 1 } } }, 'gpt-4o: input_per_1m_usd is missing'],
  [{}, 'models is missing'],
  [{ models: [] }, 'models must be an object'],
  [[], 'must be an object'],
  [null, 'must be an object'],
  [{ models: { 'gpt-4o': 3 } }, 'gpt-4o: must be an object'],
  ...['-1', -1, '1e-3', 1e-7, '0.0000001', 'free', '', null, {}, ' 1', '1000001', '0x10'].map(
    (bad) =>
      [
        { models: { 'openai/x.y': { ...base, output_per_1m_usd: bad } } },
        'openai/x.y: output_per_1m_usd must be a plain decimal in USD per million tokens, at most 6 decimals',
      ] as const,
  ),
  [{ models: { o3: { ...base, batch_factor: 1.1 } } }, 'o3: batch_factor must be a decimal from 0 to 1'],
  [{ models: { o3: { ...base, max_output_tokens: 0 } } }, 'o3: max_output_tokens must be at least 1'],
  [{ models: { o3: { ...base, max_output_tokens: 1.5 } } }, 'o3: max_output_tokens must be a whole number'],
  [{ models: { o3: { ...base, max_output_tokens: '5' } } }, 'o3: max_output_tokens must be a whole number'],
  [{ models: { 'some-model': base } }, 'some-model: is no model: write provider/name'],
  [{ models: { 'Google/x': base } }, 'Google/x: is no model: write provider/name'],
  [
    { models: { 'openai/gpt-4*': base } },
    'openai/gpt-4*: a wildcard is a provider and all of its models, as in openai/*',
  ],
  [{ models: { '*': base } }, '*: a wildcard is a provider'],
  [{ models: { 'gpt-4o': base, 'openai/gpt-4o': base } }, 'openai/gpt-4o: is openai/gpt-4o, which has a price in'],
] as [unknown, string][])('%j is refused: %s', ([content, fault]) => {
  expect(faultsOf(content)).toMatch(/^Bad prices in my\/prices\.json \(PRICES_FILE\):\n/);
  expect(faultsOf(content)).toContain(`  ${fault}`);
});

test('all faults are told at once', () => {
  const content = { models: { a: { ...base, output_per_1m_usd: -1 }, b: { colour: 1 } } };
  expect(faultsOf(content).split('\n')).toHaveLength(1 + 1 + 3);
});

describe('the version', () => {
  const version = (models: Record<string, object>, overrides: PriceOverrides = {}) =>
    createPriceBook({ overrides, file: parsePriceFile({ models }, 'x') }).version;

  test('is the catalogue’s where a file says nothing', () => {
    expect(version({})).toBe(createPriceBook({ overrides: {} }).version);
  });

  test('is one for the same prices, however they are written', () => {
    const file = version({ 'gpt-4o': base, 'openai/*': base });
    expect(file).toMatch(/^genai-prices-[\d.]+\+[\da-f]{8}$/);
    const otherwise = {
      output_per_1m_usd: '8.0',
      input_per_1m_usd: 2,
      cached_input_per_1m_usd: '2',
      batch_factor: 0.5,
    };
    expect(version({ 'openai/*': base, 'openai/gpt-4o': otherwise })).toBe(file);
  });

  test.for([
    { 'gpt-4o': { ...base, input_per_1m_usd: 3 }, 'openai/*': base },
    { 'gpt-4o': { ...base, cached_input_per_1m_usd: 1 }, 'openai/*': base },
    { 'gpt-4o': { ...base, batch_factor: 0.6 }, 'openai/*': base },
    { 'gpt-4o': base, 'anthropic/*': base },
    { 'gpt-4o': base },
  ])('is another one for %j', (models) => {
    expect(version(models)).not.toBe(version({ 'gpt-4o': base, 'openai/*': base }));
  });

  test('tells a file and an override apart', () => {
    expect(version({ 'gpt-4o': base }, { gpt4: '0.00003' })).not.toBe(version({ 'gpt-4o': base }));
  });
});
