import type { Usage } from '@llm-gateway/shared/contracts/answer';

/** What of Anthropic's usage matters to us, as both its first and its last event carry it. */
export interface AnthropicUsage {
  input_tokens: number;
  output_tokens: number;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
  /** The tokens written to the cache, by how long they stay. */
  cache_creation?: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number } | null;
  output_tokens_details?: { thinking_tokens: number } | null;
  speed?: string | null;
  inference_geo?: string | null;
  /** What the call was made of. Summaries of what was said before are charged beside the counts above. */
  iterations?: readonly (CountedTokens & { type: string })[] | null;
}

type CountedTokens = Pick<
  AnthropicUsage,
  'input_tokens' | 'output_tokens' | 'cache_read_input_tokens' | 'cache_creation_input_tokens' | 'cache_creation'
>;

type LastUsage = Omit<AnthropicUsage, 'input_tokens'> & { input_tokens?: number | null };

/** The counts of `message_delta` are totals: they replace those of `message_start`, whose output is a placeholder. */
export const latestUsage = (first: AnthropicUsage, last: LastUsage): AnthropicUsage => ({
  input_tokens: last.input_tokens ?? first.input_tokens,
  output_tokens: last.output_tokens,
  cache_read_input_tokens: last.cache_read_input_tokens ?? first.cache_read_input_tokens ?? null,
  cache_creation_input_tokens: last.cache_creation_input_tokens ?? first.cache_creation_input_tokens ?? null,
  cache_creation: last.cache_creation ?? first.cache_creation ?? null,
  output_tokens_details: last.output_tokens_details ?? null,
  speed: last.speed ?? first.speed ?? null,
  inference_geo: last.inference_geo ?? first.inference_geo ?? null,
  iterations: last.iterations ?? first.iterations ?? null,
});

/**
 * Anthropic counts cached and newly cached prompt tokens apart; ours are the sum, with the parts beside it. Of the rarer
 * parts a zero is left out, as every call reports them.
 */
export function toUsage(usage: AnthropicUsage): Usage {
  const { iterations } = usage;
  const summaries = Array.isArray(iterations) ? iterations.filter(({ type }) => type === 'compaction') : [];
  const inSummaries = (tokensOf: (counted: CountedTokens) => number | null | undefined) =>
    summaries.reduce((total, counted) => total + (tokensOf(counted) ?? 0), 0);
  const cachedOf = (counted: CountedTokens) => counted.cache_read_input_tokens ?? 0;
  const writtenOf = (counted: CountedTokens) => counted.cache_creation_input_tokens ?? 0;
  const writtenForHourOf = (counted: CountedTokens) => counted.cache_creation?.ephemeral_1h_input_tokens ?? 0;
  const cached = cachedOf(usage) + inSummaries(cachedOf);
  const written = writtenOf(usage) + inSummaries(writtenOf);
  const writtenForHour = writtenForHourOf(usage) + inSummaries(writtenForHourOf);
  // Where these two are missing, they are unknown, and not nothing.
  const promptTokens = usage.input_tokens + inSummaries((counted) => counted.input_tokens) + cached + written;
  const completionTokens = usage.output_tokens + inSummaries((counted) => counted.output_tokens);
  const thinking = usage.output_tokens_details?.thinking_tokens;
  return {
    promptTokens,
    completionTokens,
    totalTokens: promptTokens + completionTokens,
    cachedPromptTokens: cached,
    cacheWriteTokens: written,
    ...(writtenForHour && { cacheWrite1hTokens: writtenForHour }),
    ...(typeof thinking === 'number' && { reasoningTokens: thinking }),
  };
}
