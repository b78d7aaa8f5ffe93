import type OpenAI from 'openai';
import { expect, test } from 'vitest';
import { toUsage } from './usage.ts';

const plain = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const ours = { promptTokens: 10, completionTokens: 5, totalTokens: 15 };

test.for([
  [plain, ours],
  // A sum that is not one: some servers leave reasoning or images out of it.
  [{ ...plain, total_tokens: 99 }, ours],
  [
    { ...plain, prompt_tokens_details: { cached_tokens: 8 } },
    { ...ours, cachedPromptTokens: 8 },
  ],
  [
    { ...plain, completion_tokens_details: { reasoning_tokens: 4 } },
    { ...ours, reasoningTokens: 4 },
  ],
  [
    { ...plain, prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 3, image_tokens: 4, audio_tokens: 2 } },
    { ...ours, cachedPromptTokens: 0, cacheWriteTokens: 3, imageTokens: 4, audioPromptTokens: 2 },
  ],
  [
    { ...plain, completion_tokens_details: { audio_tokens: 5 } },
    { ...ours, audioCompletionTokens: 5 },
  ],
  // Every call reports these, nearly always as zero.
  [{ ...plain, prompt_tokens_details: { audio_tokens: 0 }, completion_tokens_details: { audio_tokens: 0 } }, ours],
  [{ ...plain, prompt_tokens_details: null, completion_tokens_details: { reasoning_tokens: null } }, ours],
] as [object, object][])('%j', ([reported, expected]) => {
  expect(toUsage(reported as OpenAI.CompletionUsage)).toEqual(expected);
});
