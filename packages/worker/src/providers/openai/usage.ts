import type { Usage } from '@llm-gateway/shared/contracts/answer';
import type OpenAI from 'openai';

/**
 * OpenAI's usage in our terms: its prompt tokens include cached ones, images and audio, its completion tokens include
 * reasoning and audio. Of the rarer parts a zero is left out, as every call reports them.
 */
export function toUsage(usage: OpenAI.CompletionUsage): Usage {
  const { prompt_tokens_details: prompt, completion_tokens_details: completion } = usage;
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    totalTokens: usage.prompt_tokens + usage.completion_tokens,
    ...(typeof prompt?.cached_tokens === 'number' && { cachedPromptTokens: prompt.cached_tokens }),
    ...(prompt?.cache_write_tokens && { cacheWriteTokens: prompt.cache_write_tokens }),
    ...(prompt?.image_tokens && { imageTokens: prompt.image_tokens }),
    ...(prompt?.audio_tokens && { audioPromptTokens: prompt.audio_tokens }),
    ...(typeof completion?.reasoning_tokens === 'number' && { reasoningTokens: completion.reasoning_tokens }),
    ...(completion?.audio_tokens && { audioCompletionTokens: completion.audio_tokens }),
  };
}
