import { loadLua } from '../redis/define-script.ts';
import type { Keys } from '../redis/keys.ts';

/** Lua function `count_usage(keys, counts)`, to be put before a script that ends a request. */
export const countUsageLua = loadLua(import.meta.url, './count-usage.lua');

/**
 * What is counted per model: requests answered, those of them from the cache and those that shared another one's
 * provider call, tokens, cost in nano-dollars, and requests whose model has no known price (their cost is missing,
 * not zero).
 */
export const usageKinds = [
  'requests',
  'cached',
  'coalesced',
  'promptTokens',
  'completionTokens',
  'nanoUsd',
  'unpriced',
] as const;

export type UsageKind = (typeof usageKinds)[number];

/** The four counters that one request touches, in the order that `count_usage` expects. */
export function usageKeys(keys: Keys, tenantId: string, userId: string, at: Date): string[] {
  const day = at.toISOString().slice(0, 10);
  return [
    keys.usage({ tenantId }),
    keys.usage({ tenantId, day }),
    keys.usage({ tenantId, userId }),
    keys.usage({ tenantId, userId, day }),
  ];
}

/** Field of a usage hash. A model's name may hold any character, so the kind stands last. */
export const usageField = (model: string, kind: UsageKind): string => `${model}|${kind}`;
