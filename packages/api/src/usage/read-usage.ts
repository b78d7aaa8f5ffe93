import { usdNumber } from '@llm-gateway/shared/pricing/format-usd';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys, UsageScope } from '@llm-gateway/shared/redis/keys';
import { type UsageKind, usageKinds } from '@llm-gateway/shared/usage/usage-counters';
import type { Redis } from 'ioredis';
import { z } from 'zod';

const modelUsage = z.object({
  requests: z.int(),
  cached_requests: z.int(),
  coalesced_requests: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  tokens: z.int(),
  cost_usd: z.number().nullable().describe('null where no request had a known price'),
  unpriced_requests: z.int().describe('Requests whose cost is missing because no price was known'),
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
});

export type UsageSummary = z.infer<typeof usageSummary>;

type Counts = Record<UsageKind, bigint>;

const noCounts = (): Counts => Object.fromEntries(usageKinds.map((kind) => [kind, 0n])) as Counts;

/** What the counters of a scope say. Nobody's counters are zeros. Throws `dependency_down`. */
export async function readUsage(redis: Redis, keys: Keys, scope: UsageScope): Promise<UsageSummary> {
  return summarise(await callRedis(() => redis.hgetall(keys.usage(scope))));
}

/** Sums are made of integers and become USD once, at the end. */
export function summarise(fields: Record<string, string>): UsageSummary {
  const perModel = new Map<string, Counts>();
  const total = noCounts();
  for (const [field, value] of Object.entries(fields)) {
    const bar = field.lastIndexOf('|');
    const kind = usageKinds.find((known) => known === field.slice(bar + 1));
    if (!kind) continue;
    const model = field.slice(0, bar);
    const counts = perModel.get(model) ?? noCounts();
    counts[kind] += BigInt(value);
    total[kind] += BigInt(value);
    perModel.set(model, counts);
  }
  const { cached_requests, coalesced_requests, prompt_tokens, completion_tokens, tokens, unpriced_requests } =
    viewCounts(total);
  return {
    total_requests: Number(total.requests),
    cached_requests,
    coalesced_requests,
    prompt_tokens,
    completion_tokens,
    total_tokens: tokens,
    total_cost_usd: usdNumber(total.nanoUsd),
    average_cost_per_request: total.requests === 0n ? 0 : usdNumber(roundedQuotient(total.nanoUsd, total.requests)),
    unpriced_requests,
    model_breakdown: Object.fromEntries([...perModel].map(([model, counts]) => [model, viewCounts(counts)])),
  };
}

const roundedQuotient = (dividend: bigint, divisor: bigint) => (2n * dividend + divisor) / (2n * divisor);

/** False where every request that cost something cost nobody knows what. */
const isPriced = ({ unpriced, requests, cached, coalesced }: Counts) =>
  unpriced === 0n || unpriced < requests - cached - coalesced;

const viewCounts = (counts: Counts) => ({
  requests: Number(counts.requests),
  cached_requests: Number(counts.cached),
  coalesced_requests: Number(counts.coalesced),
  prompt_tokens: Number(counts.promptTokens),
  completion_tokens: Number(counts.completionTokens),
  tokens: Number(counts.promptTokens + counts.completionTokens),
  cost_usd: isPriced(counts) ? usdNumber(counts.nanoUsd) : null,
  unpriced_requests: Number(counts.unpriced),
});
