import { type UsageMeasure, usageMeasureNames } from '@llm-gateway/shared/ledger/usage-measures';
import { usdNumber } from '@llm-gateway/shared/pricing/format-usd';
import { z } from 'zod';
import type { NamedSums, Sums } from './sum-usage.ts';

const modelUsage = z.object({
  requests: z.int(),
  cached_requests: z.int(),
  coalesced_requests: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  tokens: z.int(),
  cost_usd: z.number().nullable().describe('null where no request had a known price'),
  unpriced_requests: z.int().describe('Calls whose cost is missing because no price was known'),
});

/** What the ledger says beyond requests, tokens and cost. */
const details = z.object({
  saved_usd: z.number().describe('What answers of the cache, and those shared with an equal request, would have cost'),
  calls: z.int().describe('Provider calls, all of them'),
  failed: z.int().describe('Calls that failed'),
  duplicates: z.int().describe('Calls that answered what another had answered already'),
  unsettled: z.int().describe('Calls whose worker died: what they cost is not known yet'),
  estimated: z.int().describe('Calls whose tokens are estimated'),
  cached_prompt_tokens: z.int(),
  cache_write_tokens: z.int(),
  reasoning_tokens: z.int(),
});

/** Sums of a user or a tenant. Requests from the cache, and those that shared another one's call, cost nothing. */
export const usageSummary = z.object({
  total_requests: z.int(),
  cached_requests: z.int(),
  coalesced_requests: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  total_cost_usd: z.number(),
  average_cost_per_request: z.number(),
  unpriced_requests: z.int(),
  model_breakdown: z.record(z.string(), modelUsage),
  ...details.shape,
});

export const usageGroup = z
  .object({
    group: z.string().describe('The day, model, user, key or provider'),
    ...modelUsage.shape,
    ...details.shape,
  })
  .meta({ id: 'UsageGroup' });

export type UsageGroup = z.infer<typeof usageGroup>;

export const usageGroupColumns = Object.keys(usageGroup.shape);

/** Sums are made of integers and become USD once, at the end. */
export function viewUsage(models: readonly NamedSums[]): z.infer<typeof usageSummary> {
  const total = addUp(models);
  const { requests, tokens, cost_usd: _, ...counts } = viewCounts(total);
  return {
    total_requests: requests,
    total_tokens: tokens,
    ...counts,
    total_cost_usd: usdNumber(total.cost_nano_usd),
    average_cost_per_request:
      total.requests === 0n ? 0 : usdNumber(roundedQuotient(total.cost_nano_usd, total.requests)),
    ...viewDetails(total),
    model_breakdown: Object.fromEntries(models.map(({ name, sums }) => [name, viewCounts(sums)])),
  };
}

export const viewGroup = ({ name, sums }: NamedSums): UsageGroup => ({
  group: name,
  ...viewCounts(sums),
  ...viewDetails(sums),
});

/** How many requests needed no provider call, of 1; 0 where there was none. */
export function hitRate(models: readonly NamedSums[]): number {
  const { requests, cached } = addUp(models);
  return requests === 0n ? 0 : Number(cached) / Number(requests);
}

function addUp(parts: readonly NamedSums[]): Sums {
  const sum = (measure: UsageMeasure) => parts.reduce((total, { sums }) => total + sums[measure], 0n);
  return Object.fromEntries(usageMeasureNames.map((measure) => [measure, sum(measure)])) as Sums;
}

const roundedQuotient = (dividend: bigint, divisor: bigint) => (2n * dividend + divisor) / (2n * divisor);

const viewCounts = (sums: Sums) => ({
  requests: Number(sums.requests),
  cached_requests: Number(sums.cached),
  coalesced_requests: Number(sums.coalesced),
  prompt_tokens: Number(sums.prompt_tokens),
  completion_tokens: Number(sums.completion_tokens),
  tokens: Number(sums.prompt_tokens + sums.completion_tokens),
  // Where nothing but unpriced calls came together, zero is not what they cost.
  cost_usd: sums.unpriced > 0n && sums.cost_nano_usd === 0n ? null : usdNumber(sums.cost_nano_usd),
  unpriced_requests: Number(sums.unpriced),
});

const viewDetails = (sums: Sums): z.infer<typeof details> => ({
  saved_usd: usdNumber(sums.saved_nano_usd),
  calls: Number(sums.calls),
  failed: Number(sums.failed),
  duplicates: Number(sums.duplicates),
  unsettled: Number(sums.unsettled),
  estimated: Number(sums.estimated),
  cached_prompt_tokens: Number(sums.cached_prompt_tokens),
  cache_write_tokens: Number(sums.cache_write_tokens),
  reasoning_tokens: Number(sums.reasoning_tokens),
});
