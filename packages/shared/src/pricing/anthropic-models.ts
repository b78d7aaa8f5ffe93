import type { ModelRow, RowFacts } from './model-row.ts';

const row = (name: string, model: string, displayName: string, facts: RowFacts): ModelRow => ({
  id: `anthropic/${name}`,
  provider: 'anthropic',
  model,
  displayName,
  kind: 'chat',
  snapshots: [],
  maxInputTokens: 200_000,
  ...facts,
  aliases: [...new Set([name, model]), ...(facts.aliases ?? [])],
});

/** From Opus 4.7 on, a temperature, top_p or top_k of the client's is answered with 400. */
const without: RowFacts = { samplingParameters: false, maxInputTokens: 1_000_000, maxOutputTokens: 128_000 };

/**
 * Anthropic's models. Windows from the price catalogue; output limits, dates and the loss of sampling parameters
 * from platform.claude.com/docs (models, migration guide). Where Anthropic has no undated name, the latest dated one
 * is sent. `claude-sonnet-5-5` and `claude-haiku-5-5` exist, but the catalogue has no price of their own for them.
 */
export const anthropicModels: readonly ModelRow[] = [
  row('claude-3-haiku', 'claude-3-haiku-20240307', 'Claude 3 Haiku', {
    createdOn: '2024-03-07',
    maxOutputTokens: 4096,
  }),
  row('claude-3-sonnet', 'claude-3-sonnet-20240229', 'Claude 3 Sonnet', {
    createdOn: '2024-02-29',
    maxOutputTokens: 4096,
  }),
  row('claude-3-opus', 'claude-3-opus-latest', 'Claude 3 Opus', {
    snapshots: ['claude-3-opus-20240229'],
    createdOn: '2024-02-29',
    maxOutputTokens: 4096,
  }),
  row('claude-3-5-haiku', 'claude-3-5-haiku-latest', 'Claude Haiku 3.5', {
    snapshots: ['claude-3-5-haiku-20241022'],
    createdOn: '2024-10-22',
    maxOutputTokens: 8192,
  }),
  row('claude-3-5-sonnet', 'claude-3-5-sonnet-latest', 'Claude Sonnet 3.5', {
    snapshots: ['claude-3-5-sonnet-20241022', 'claude-3-5-sonnet-20240620'],
    createdOn: '2024-10-22',
    maxOutputTokens: 8192,
  }),
  row('claude-3-7-sonnet', 'claude-3-7-sonnet-latest', 'Claude Sonnet 3.7', {
    snapshots: ['claude-3-7-sonnet-20250219'],
    createdOn: '2025-02-24',
    maxOutputTokens: 64_000,
  }),
  row('claude-sonnet-4', 'claude-sonnet-4-20250514', 'Claude Sonnet 4', {
    snapshots: ['claude-sonnet-4-0'],
    createdOn: '2025-05-22',
    maxOutputTokens: 64_000,
  }),
  row('claude-opus-4', 'claude-opus-4-20250514', 'Claude Opus 4', {
    snapshots: ['claude-opus-4-0'],
    createdOn: '2025-05-22',
    maxOutputTokens: 32_000,
  }),
  row('claude-opus-4-1', 'claude-opus-4-1', 'Claude Opus 4.1', {
    snapshots: ['claude-opus-4-1-20250805'],
    createdOn: '2025-08-05',
    maxOutputTokens: 32_000,
  }),
  row('claude-sonnet-4-5', 'claude-sonnet-4-5', 'Claude Sonnet 4.5', {
    snapshots: ['claude-sonnet-4-5-20250929'],
    createdOn: '2025-09-29',
    maxOutputTokens: 64_000,
  }),
  row('claude-haiku-4-5', 'claude-haiku-4-5', 'Claude Haiku 4.5', {
    snapshots: ['claude-haiku-4-5-20251001'],
    createdOn: '2025-10-15',
    maxOutputTokens: 64_000,
  }),
  row('claude-opus-4-5', 'claude-opus-4-5', 'Claude Opus 4.5', {
    snapshots: ['claude-opus-4-5-20251101'],
    createdOn: '2025-11-24',
    maxOutputTokens: 64_000,
  }),
  row('claude-opus-4-6', 'claude-opus-4-6', 'Claude Opus 4.6', { maxInputTokens: 1_000_000, maxOutputTokens: 128_000 }),
  row('claude-sonnet-4-6', 'claude-sonnet-4-6', 'Claude Sonnet 4.6', { maxInputTokens: 1_000_000 }),
  row('claude-opus-4-7', 'claude-opus-4-7', 'Claude Opus 4.7', { ...without, createdOn: '2026-04-16' }),
  row('claude-opus-4-8', 'claude-opus-4-8', 'Claude Opus 4.8', { ...without, createdOn: '2026-05-28' }),
  row('claude-sonnet-5', 'claude-sonnet-5', 'Claude Sonnet 5', { ...without, createdOn: '2026-06-30' }),
  row('claude-opus-5', 'claude-opus-5', 'Claude Opus 5', { ...without, createdOn: '2026-07-24' }),
  row('claude-opus-5-5', 'claude-opus-5-5', 'Claude Opus 5.5', without),
  row('claude-fable-5', 'claude-fable-5', 'Claude Fable 5', without),
  row('claude-fable-5-1', 'claude-fable-5-1', 'Claude Fable 5.1', without),
];
