import type { LedgerRow } from '../contracts/ledger-row.ts';
import type { UsageMeasure } from './usage-measures.ts';

// `bigint`, `date` and sums: decimal or ISO text, so that nothing is rounded on its way.
type Integer = string;

/** One line per provider call, and per request that was answered without one. */
export interface LedgerTable {
  generation: string;
  call: number;
  at: Date;
  kind: LedgerRow['kind'];
  status: LedgerRow['status'];
  code: string | null;
  tenant: string;
  key: string;
  user_id: string;
  model: string;
  provider: string;
  endpoint: string;
  request: string;
  prompt_tokens: Integer;
  completion_tokens: Integer;
  cached_prompt_tokens: Integer;
  cache_write_tokens: Integer;
  reasoning_tokens: Integer;
  usage_source: LedgerRow['usageSource'];
  cost_nano_usd: Integer | null;
  saved_nano_usd: Integer;
  price_version: string | null;
  latency_ms: Integer | null;
  first_token_ms: Integer | null;
  provider_request: string | null;
}

type UsageSums = Record<UsageMeasure, Integer>;

/** Sums of the ledger per UTC day: of a tenant by key, model and provider. */
export interface UsageDayTable extends UsageSums {
  tenant: string;
  day: string;
  key: string;
  model: string;
  provider: string;
}

/** The same sums of every single user. */
export interface UsageUserDayTable extends UsageDayTable {
  user_id: string;
}

/** The same in UTC months, by their first days. */
export interface UsageUserMonthTable extends Omit<UsageUserDayTable, 'day'> {
  month: string;
}

/** How long answered calls took: how many fell into each bucket of `latency-buckets.ts`. */
export interface LatencyDayTable {
  tenant: string;
  day: string;
  model: string;
  provider: string;
  measure: 'latency' | 'first_token';
  bucket: number;
  count: Integer;
}

export interface LedgerTables {
  ledger: LedgerTable;
  usage_day: UsageDayTable;
  usage_user_day: UsageUserDayTable;
  usage_user_month: UsageUserMonthTable;
  latency_day: LatencyDayTable;
}
