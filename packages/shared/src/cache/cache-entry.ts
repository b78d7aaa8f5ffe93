import { z } from 'zod';
import { type PricedAnswer, pricedAnswer } from '../contracts/answer.ts';
import { loadLua } from '../redis/define-script.ts';

/** Lua functions for what the cache holds, and of whom: `cache_strike(…)` and others. Need the keys before them. */
export const cacheIndexLua = loadLua(import.meta.url, './cache-index.lua');

/** Lua function `cache_put(…)`, to be put after the keys and before the script that settles a job. */
export const cachePutLua = [cacheIndexLua, loadLua(import.meta.url, './cache-put.lua')].join('\n');

/** An answer kept for equal requests of one tenant, as the Redis hash holds it. */
export const cacheEntry = z.object({
  answer: z.string().transform((text) => pricedAnswer.parse(JSON.parse(text))),
  /** Memory that it is counted as. */
  bytes: z.coerce.number().int(),
  storedMs: z.coerce.number().int(),
  tenant: z.string(),
  namespace: z.string().default(''),
  target: z.string(),
  /** Whose job filled it; unknown of an entry that was made before this was kept. */
  user: z.string().optional(),
  /** What the answer cost, in nano-dollars; empty where no price is known. */
  costNanoUsd: z.string().regex(/^\d*$/).default(''),
  /** The job that paid for the answer. */
  job: z.string(),
  /** State that this job ended in. */
  state: z.enum(['completed', 'incomplete']),
});

export type CacheEntry = z.infer<typeof cacheEntry>;

/** What a member of the index tells of its entry; no tenant in one that was made before tenants were kept there. */
export function parseCacheMember(member: string): { digest: string; tenantId?: string } {
  const colon = member.lastIndexOf(':');
  const at = member.indexOf('@');
  const digest = member.slice(colon + 1);
  return at < 0 ? { digest } : { digest, tenantId: member.slice(at + 1, colon) };
}

/** Answers that a later equal request may be given: cut short only by the client's own `max_tokens`, if at all. */
export const isCacheable = ({ finishReason }: Pick<PricedAnswer, 'finishReason'>): boolean =>
  finishReason.unified === 'stop' || finishReason.unified === 'length';
