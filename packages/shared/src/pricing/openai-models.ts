import type { ModelRow, RowFacts } from './model-row.ts';

/** Reasoning models answer 400 to a temperature or top_p of the client's (5.1 and later: unless effort is `none`). */
const reasoning = { samplingParameters: false } as const;
const reasoning128k = { ...reasoning, maxOutputTokens: 128_000 };

const oSeries = { ...reasoning, maxInputTokens: 200_000, maxOutputTokens: 100_000 };

/** One day is the release and the name of the only snapshot. */
const gpt5 = (name: string, releasedOn: string): RowFacts => ({
  ...reasoning128k,
  snapshots: [`${name}-${releasedOn}`],
  createdOn: releasedOn,
  maxInputTokens: 400_000,
});

const gpt41 = (name: string): RowFacts => ({
  snapshots: [`${name}-2025-04-14`],
  createdOn: '2025-04-14',
  maxInputTokens: 1_047_576,
  maxOutputTokens: 32_768,
});

const row = (model: string, displayName: string, facts: RowFacts): ModelRow => ({
  id: `openai/${model}`,
  provider: 'openai',
  model,
  displayName,
  kind: 'chat',
  snapshots: [],
  ...facts,
  aliases: [model, ...(facts.aliases ?? [])],
});

/**
 * OpenAI models that `/v1/chat/completions` and `/v1/embeddings` serve; those of the Responses API alone
 * (`*-pro`, `*-codex`, deep research) are not among them. Windows from the price catalogue, output limits and dates
 * from developers.openai.com/api/docs/models.
 */
export const openAIModels: readonly ModelRow[] = [
  row('gpt-3.5-turbo', 'GPT-3.5 Turbo', {
    snapshots: ['gpt-3.5-turbo-0125', 'gpt-3.5-turbo-1106'],
    createdOn: '2023-03-01',
    maxInputTokens: 16_385,
    maxOutputTokens: 4096,
  }),
  row('gpt-3.5-turbo-16k', 'GPT-3.5 Turbo 16k', { maxInputTokens: 16_385, maxOutputTokens: 4096 }),
  row('gpt-4', 'GPT-4', {
    snapshots: ['gpt-4-0613', 'gpt-4-0314'],
    createdOn: '2023-03-14',
    maxInputTokens: 8192,
    maxOutputTokens: 8192,
  }),
  row('gpt-4-turbo', 'GPT-4 Turbo', {
    snapshots: ['gpt-4-turbo-2024-04-09', 'gpt-4-turbo-preview', 'gpt-4-0125-preview', 'gpt-4-1106-preview'],
    createdOn: '2024-04-09',
    maxInputTokens: 128_000,
    maxOutputTokens: 4096,
  }),
  row('gpt-4o', 'GPT-4o', {
    snapshots: ['gpt-4o-2024-08-06', 'gpt-4o-2024-11-20'],
    createdOn: '2024-05-13',
    maxInputTokens: 128_000,
    maxOutputTokens: 16_384,
  }),
  // A row of its own: it costs twice as much as its successors and stops at 4,096 tokens.
  row('gpt-4o-2024-05-13', 'GPT-4o (2024-05-13)', {
    createdOn: '2024-05-13',
    maxInputTokens: 128_000,
    maxOutputTokens: 4096,
  }),
  row('chatgpt-4o-latest', 'ChatGPT-4o', { maxInputTokens: 128_000, maxOutputTokens: 16_384 }),
  row('gpt-4o-mini', 'GPT-4o mini', {
    snapshots: ['gpt-4o-mini-2024-07-18'],
    createdOn: '2024-07-18',
    maxInputTokens: 128_000,
    maxOutputTokens: 16_384,
  }),
  // The catalogue rounds this family's window to 1,000,000.
  row('gpt-4.1', 'GPT-4.1', gpt41('gpt-4.1')),
  row('gpt-4.1-mini', 'GPT-4.1 mini', gpt41('gpt-4.1-mini')),
  row('gpt-4.1-nano', 'GPT-4.1 nano', gpt41('gpt-4.1-nano')),
  row('o1', 'o1', { ...oSeries, snapshots: ['o1-2024-12-17'], createdOn: '2024-12-17' }),
  row('o3-mini', 'o3-mini', { ...oSeries, snapshots: ['o3-mini-2025-01-31'], createdOn: '2025-01-31' }),
  row('o3', 'o3', { ...oSeries, snapshots: ['o3-2025-04-16'], createdOn: '2025-04-16' }),
  row('o4-mini', 'o4-mini', { ...oSeries, snapshots: ['o4-mini-2025-04-16'], createdOn: '2025-04-16' }),
  row('gpt-5', 'GPT-5', gpt5('gpt-5', '2025-08-07')),
  row('gpt-5-mini', 'GPT-5 mini', gpt5('gpt-5-mini', '2025-08-07')),
  row('gpt-5-nano', 'GPT-5 nano', gpt5('gpt-5-nano', '2025-08-07')),
  // Not a reasoning model: it takes a temperature. Its window is smaller than that of gpt-5, whose price it has.
  row('gpt-5-chat-latest', 'GPT-5 Chat', { createdOn: '2025-08-07', maxInputTokens: 128_000, maxOutputTokens: 16_384 }),
  row('gpt-5.1', 'GPT-5.1', gpt5('gpt-5.1', '2025-11-13')),
  row('gpt-5.2', 'GPT-5.2', gpt5('gpt-5.2', '2025-12-11')),
  row('gpt-5.4', 'GPT-5.4', { ...gpt5('gpt-5.4', '2026-03-05'), maxInputTokens: 1_050_000 }),
  row('gpt-5.4-mini', 'GPT-5.4 mini', gpt5('gpt-5.4-mini', '2026-03-17')),
  row('gpt-5.4-nano', 'GPT-5.4 nano', gpt5('gpt-5.4-nano', '2026-03-17')),
  row('gpt-5.5', 'GPT-5.5', { ...gpt5('gpt-5.5', '2026-04-23'), maxInputTokens: 1_050_000 }),
  row('gpt-5.6-sol', 'GPT-5.6 Sol', { ...reasoning, aliases: ['gpt-5.6'], maxInputTokens: 1_050_000 }),
  row('gpt-5.6-terra', 'GPT-5.6 Terra', { ...reasoning, maxInputTokens: 1_050_000 }),
  row('gpt-5.6-luna', 'GPT-5.6 Luna', { ...reasoning, maxInputTokens: 1_050_000 }),
  row('gpt-6-sol', 'GPT-6 Sol', { ...reasoning128k, createdOn: '2026-09-22', maxInputTokens: 1_050_000 }),
  row('gpt-6-luna', 'GPT-6 Luna', { ...reasoning, maxInputTokens: 1_050_000 }),
  row('gpt-6-astra', 'GPT-6 Astra', { ...reasoning, maxInputTokens: 1_050_000 }),
  row('text-embedding-3-small', 'Embedding 3 small', {
    kind: 'embedding',
    createdOn: '2024-01-25',
    maxInputTokens: 8192,
  }),
  row('text-embedding-3-large', 'Embedding 3 large', {
    kind: 'embedding',
    createdOn: '2024-01-25',
    maxInputTokens: 8192,
  }),
  row('text-embedding-ada-002', 'Embedding ada 002', {
    kind: 'embedding',
    createdOn: '2022-12-15',
    maxInputTokens: 8192,
  }),
];
