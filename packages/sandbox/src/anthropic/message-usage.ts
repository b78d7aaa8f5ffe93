import type { Answer } from '../answer/compose-answer.ts';

/** What a prompt costs, part by part; their sum is all of it. */
export interface PromptUsage {
  /** Neither written to the cache nor read from it. */
  inputTokens: number;
  cacheWriteTokens: number;
  cacheReadTokens: number;
  /** How long what was written is kept. */
  ttl: '5m' | '1h';
}

export function toMessageUsage(prompt: PromptUsage, answer: Pick<Answer, 'tokens' | 'reasoningTokens'>): object {
  const { inputTokens, cacheWriteTokens, cacheReadTokens, ttl } = prompt;
  const { tokens, reasoningTokens } = answer;
  const written = {
    ephemeral_5m_input_tokens: ttl === '5m' ? cacheWriteTokens : 0,
    ephemeral_1h_input_tokens: ttl === '1h' ? cacheWriteTokens : 0,
  };
  return {
    input_tokens: inputTokens,
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cacheReadTokens,
    cache_creation: cacheWriteTokens + cacheReadTokens > 0 ? written : null,
    output_tokens: tokens,
    output_tokens_details: reasoningTokens > 0 ? { thinking_tokens: reasoningTokens } : null,
    server_tool_use: null,
    service_tier: 'standard',
    inference_geo: null,
    speed: null,
  };
}
