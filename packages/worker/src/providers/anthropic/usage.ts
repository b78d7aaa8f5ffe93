import type { Usage } from '@llm-gateway/shared/contracts/answer';

/** Anthropic counts cached and newly cached prompt tokens apart; ours are the sum, with the parts beside it. */
export interface AnthropicUsage {
  input_tokens: number;
  output_tokens: number;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
}

export function toUsage(usage: AnthropicUsage): Usage {
  const cached = usage.cache_read_input_tokens ?? 0;
  const written = usage.cache_creation_input_tokens ?? 0;
  const promptTokens = usage.input_tokens + cached + written;
  return {
    promptTokens,
    completionTokens: usage.output_tokens,
    totalTokens: promptTokens + usage.output_tokens,
    cachedPromptTokens: cached,
    cacheWriteTokens: written,
  };
}
