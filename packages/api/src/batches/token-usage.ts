import { z } from 'zod';

export interface TokenUsage {
  input: number;
  cached: number;
  output: number;
  reasoning: number;
}

export const noUsage: TokenUsage = { input: 0, cached: 0, output: 0, reasoning: 0 };

const tokens = z.number().int().nonnegative().optional().catch(undefined);
const details = z.object({ cached_tokens: tokens, reasoning_tokens: tokens }).optional().catch(undefined);

const usageMembers = z.object({
  prompt_tokens: tokens,
  completion_tokens: tokens,
  input_tokens: tokens,
  output_tokens: tokens,
  cache_read_input_tokens: tokens,
  prompt_tokens_details: details,
  completion_tokens_details: details,
  input_tokens_details: details,
  output_tokens_details: details,
});

/** What an answer of any dialect says that it used, in a member of its own or on the top; zeros where it does not say. */
export function usageOfBody(body: object): TokenUsage {
  const parsed = usageMembers.safeParse('usage' in body ? body.usage : body);
  if (!parsed.success) return noUsage;
  const usage = parsed.data;
  return {
    input: usage.input_tokens ?? usage.prompt_tokens ?? 0,
    cached:
      (usage.input_tokens_details ?? usage.prompt_tokens_details)?.cached_tokens ?? usage.cache_read_input_tokens ?? 0,
    output: usage.output_tokens ?? usage.completion_tokens ?? 0,
    reasoning: (usage.output_tokens_details ?? usage.completion_tokens_details)?.reasoning_tokens ?? 0,
  };
}
