import type { Usage } from '@llm-gateway/shared/contracts/answer';
import { objectOf } from '../json-object.ts';

/** The usage of a response in our terms; what it does not count is left for an estimate. */
export function toResponseUsage(reported: unknown): { [Part in keyof Usage]?: Usage[Part] | undefined } | null {
  if (reported === null || reported === undefined) return null;
  const usage = objectOf(reported);
  const { cached_tokens: cached, cache_write_tokens: written } = objectOf(usage.input_tokens_details);
  const { reasoning_tokens: reasoning } = objectOf(usage.output_tokens_details);
  const promptTokens = usage.input_tokens as number;
  const completionTokens = usage.output_tokens as number;
  return {
    promptTokens,
    completionTokens,
    totalTokens: promptTokens + completionTokens,
    ...(typeof cached === 'number' && { cachedPromptTokens: cached }),
    ...(typeof written === 'number' && written !== 0 && { cacheWriteTokens: written }),
    ...(typeof reasoning === 'number' && { reasoningTokens: reasoning }),
  };
}
