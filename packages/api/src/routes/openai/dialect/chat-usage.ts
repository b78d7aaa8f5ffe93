import type { Usage } from '@llm-gateway/shared/contracts/answer';

/** The usage of a call as chat completions tell it. The sum is exact, whatever a provider said. */
export const toChatUsage = (usage: Usage) => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.promptTokens + usage.completionTokens,
  prompt_tokens_details: { cached_tokens: usage.cachedPromptTokens ?? 0, audio_tokens: usage.audioPromptTokens ?? 0 },
  completion_tokens_details: {
    reasoning_tokens: usage.reasoningTokens ?? 0,
    audio_tokens: usage.audioCompletionTokens ?? 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
});
