/** How a row says that it was a provider call. */
const isCall = `kind = 'call'`;

/**
 * What is summed up of the ledger, each as SQL over the rows of `written`: what a row adds. `is_new` is false for an
 * unsettled row whose true outcome has become known: it was a call before, and nothing but unsettled.
 *
 * `requests` are generations that were answered, or ended with something that was paid for: by a call that brought an
 * answer or was stopped in the middle of it, by the cache, or by the call of an equal one. Calls that failed, that came
 * second, that were given up to be made again (they have no code) and whose outcome nobody knows are calls only, so
 * that a generation that took three attempts is one request.
 */
export const usageMeasures = {
  requests: `(
    not (${isCall}) or status in ('completed', 'incomplete')
    or (status = 'aborted' and code is not null and usage_source = 'estimated')
  )::int`,
  calls: `(is_new and ${isCall})::int`,
  cached: `(kind = 'cached')::int`,
  coalesced: `(kind = 'coalesced')::int`,
  failed: `(${isCall} and status = 'failed')::int`,
  duplicates: `(${isCall} and status = 'duplicate')::int`,
  unsettled: `(status = 'unsettled')::int - (not is_new)::int`,
  prompt_tokens: 'prompt_tokens',
  completion_tokens: 'completion_tokens',
  cached_prompt_tokens: 'cached_prompt_tokens',
  cache_write_tokens: 'cache_write_tokens',
  reasoning_tokens: 'reasoning_tokens',
  cost_nano_usd: 'coalesce(cost_nano_usd, 0)',
  saved_nano_usd: 'saved_nano_usd',
  /** Calls that used something whose price nobody knows: their cost is missing, not zero. */
  unpriced: `(${isCall} and usage_source in ('provider', 'estimated') and cost_nano_usd is null)::int`,
  estimated: `(${isCall} and usage_source = 'estimated')::int`,
} as const;

export type UsageMeasure = keyof typeof usageMeasures;

export const usageMeasureNames = Object.keys(usageMeasures) as UsageMeasure[];
