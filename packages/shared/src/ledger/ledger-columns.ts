import type { LedgerEntry } from './ledger-entry.ts';
import type { LedgerTable } from './ledger-tables.ts';

export interface Column {
  type: 'text' | 'int' | 'bigint' | 'timestamptz';
  value: (entry: LedgerEntry) => string | number | null;
}

/** Who called what, and when: what the first row of a call says stays. */
export const identityColumns = {
  generation: { type: 'text', value: ({ row }) => row.generation },
  call: { type: 'int', value: ({ row }) => row.call },
  at: { type: 'timestamptz', value: ({ atMs }) => new Date(atMs).toISOString() },
  kind: { type: 'text', value: ({ row }) => row.kind },
  tenant: { type: 'text', value: ({ row }) => row.tenant },
  key: { type: 'text', value: ({ row }) => row.key },
  user_id: { type: 'text', value: ({ row }) => row.user },
  model: { type: 'text', value: ({ row }) => row.model },
  provider: { type: 'text', value: ({ row }) => row.provider },
  endpoint: { type: 'text', value: ({ row }) => row.endpoint },
  request: { type: 'text', value: ({ row }) => row.request },
} satisfies Partial<Record<keyof LedgerTable, Column>>;

/** What came of it: what takes the place of `unsettled`. */
export const outcomeColumns = {
  status: { type: 'text', value: ({ row }) => row.status },
  code: { type: 'text', value: ({ row }) => row.code ?? null },
  prompt_tokens: { type: 'bigint', value: ({ row }) => row.promptTokens },
  completion_tokens: { type: 'bigint', value: ({ row }) => row.completionTokens },
  cached_prompt_tokens: { type: 'bigint', value: ({ row }) => row.cachedPromptTokens },
  cache_write_tokens: { type: 'bigint', value: ({ row }) => row.cacheWriteTokens },
  reasoning_tokens: { type: 'bigint', value: ({ row }) => row.reasoningTokens },
  usage_source: { type: 'text', value: ({ row }) => row.usageSource },
  cost_nano_usd: { type: 'bigint', value: ({ row }) => row.costNanoUsd },
  saved_nano_usd: { type: 'bigint', value: ({ row }) => row.savedNanoUsd },
  price_version: { type: 'text', value: ({ row }) => row.priceVersion },
  latency_ms: { type: 'bigint', value: ({ row }) => row.latencyMs },
  first_token_ms: { type: 'bigint', value: ({ row }) => row.firstTokenMs },
  provider_request: { type: 'text', value: ({ row }) => row.providerRequest },
} satisfies Partial<Record<keyof LedgerTable, Column>>;
