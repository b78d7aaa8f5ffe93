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
}

type LastUsage = Omit<AnthropicUsage, 'input_tokens'> & { input_tokens?: number | null };

/** The counts of `message_delta` are totals: they replace those of `message_start`, whose output is a placeholder. */
export const latestUsage = (first: AnthropicUsage, last: LastUsage): AnthropicUsage => ({
  input_tokens: last.input_tokens ?? first.input_tokens,
  output_tokens: last.output_tokens,
  cache_read_input_tokens: last.cache_read_input_tokens ?? first.cache_read_input_tokens ?? null,
  cache_creation_input_tokens: last.cache_creation_input_tokens ?? first.cache_creation_input_tokens ?? null,
  cache_creation: last.cache_creation ?? first.cache_creation ?? null,
  output_tokens_details: last.output_tokens_details ?? null,
});

/**
 * Anthropic counts cached and newly cached prompt tokens apart; ours are the sum, with the parts beside it. Of the rarer
 * parts a zero is left out, as every call reports them.
 */
export function toUsage(usage: AnthropicUsage): Usage {
  const cached = usage.cache_read_input_tokens ?? 0;
  const written = usage.cache_creation_input_tokens ?? 0;
  const writtenForHour = usage.cache_creation?.ephemeral_1h_input_tokens;
  const thinking = usage.output_tokens_details?.thinking_tokens;
  const promptTokens = usage.input_tokens + cached + written;
  return {
    promptTokens,
    completionTokens: usage.output_tokens,
    totalTokens: promptTokens + usage.output_tokens,
    cachedPromptTokens: cached,
    cacheWriteTokens: written,
    ...(writtenForHour && { cacheWrite1hTokens: writtenForHour }),
    ...(typeof thinking === 'number' && { reasoningTokens: thinking }),
  };
}
