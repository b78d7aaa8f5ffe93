import type { Usage } from '@llm-gateway/shared/contracts/answer';
import type OpenAI from 'openai';

/** OpenAI's usage in our terms: its prompt tokens include cached ones and its completion tokens include reasoning. */
export function toUsage(usage: OpenAI.CompletionUsage): Usage {
  const cached = usage.prompt_tokens_details?.cached_tokens;
  const reasoning = usage.completion_tokens_details?.reasoning_tokens;
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    totalTokens: usage.prompt_tokens + usage.completion_tokens,
    ...(typeof cached === 'number' && { cachedPromptTokens: cached }),
    ...(typeof reasoning === 'number' && { reasoningTokens: reasoning }),
  };
}
