import { z } from 'zod';
import { type PricedAnswer, pricedAnswer } from '../contracts/answer.ts';
import { loadLua } from '../redis/define-script.ts';

/** Lua function `cache_put(…)`, to be put before the script that settles a job. */
export const cachePutLua = loadLua(import.meta.url, './cache-put.lua');

/** An answer kept for equal requests of one tenant, as the Redis hash holds it. */
export const cacheEntry = z.object({
  answer: z.string().transform((text) => pricedAnswer.parse(JSON.parse(text))),
  bytes: z.coerce.number().int(),
  storedMs: z.coerce.number().int(),
  tenant: z.string(),
  namespace: z.string().default(''),
  target: z.string(),
  /** The job that paid for the answer. */
  job: z.string(),
  /** State that this job ended in. */
  state: z.enum(['completed', 'incomplete']),
});

export type CacheEntry = z.infer<typeof cacheEntry>;

/** Member of the index, from which the digest of an entry is read back. */
export const digestOfMember = (member: string): string => member.slice(member.indexOf(':') + 1);

/** Answers that a later equal request may be given: cut short only by the client's own `max_tokens`, if at all. */
export const isCacheable = ({ finishReason }: Pick<PricedAnswer, 'finishReason'>): boolean =>
  finishReason.unified === 'stop' || finishReason.unified === 'length';
