import { z } from 'zod';
import { callTerm } from '../pricing/terms.ts';
import { type Part, part } from './content.ts';
import { nativeApi } from './native-body.ts';

const count = z.number().int().nonnegative();

/** Tokens of one provider call. Every optional member is a part of the prompt's or the completion's tokens. */
export const usage = z.object({
  promptTokens: count,
  completionTokens: count,
  totalTokens: count,
  cachedPromptTokens: count.optional(),
  cacheWriteTokens: count.optional(),
  /** The part of `cacheWriteTokens` that was written to live for an hour. */
  cacheWrite1hTokens: count.optional(),
  /** Images and audio in the prompt, whether cached or not. */
  imageTokens: count.optional(),
  audioPromptTokens: count.optional(),
  reasoningTokens: count.optional(),
  audioCompletionTokens: count.optional(),
});

export type Usage = z.infer<typeof usage>;

export const unifiedFinishReasons = ['stop', 'length', 'content_filter', 'tool_calls', 'other'] as const;

/** One vocabulary for all providers, and beside it what the provider itself said. */
export const finishReason = z.object({ unified: z.enum(unifiedFinishReasons), raw: z.string().nullable() });

export type FinishReason = z.infer<typeof finishReason>;

/** What a provider answered to one call. */
export const answer = z.object({
  /** All text of the first choice. */
  text: z.string(),
  /** All that was said, in order; absent where it is the text alone. */
  parts: z.array(part).optional(),
  /** The provider's own object, where it was asked in the client's dialect. */
  native: z.object({ api: nativeApi, body: z.record(z.string(), z.unknown()) }).optional(),
  /** Which of its provider's keys or addresses was called; absent where there is one. */
  deployment: z.string().optional(),
  /** Our id of the model that answered, where that is not the one that the job was accepted for. */
  target: z.string().optional(),
  finishReason,
  usage,
  /** `estimated` where the provider reported no usage: counted by us, and shown as such. */
  usageSource: z.enum(['provider', 'estimated']),
  /** The model as the provider names it in its answer. */
  providerModel: z.string(),
  /** The provider's own id of the call, for its support desk. */
  providerRequestId: z.string().nullable(),
  /** On what terms the provider has served it, where they change the price. */
  terms: z.array(callTerm).optional(),
});

export type Answer = z.infer<typeof answer>;

/** What an answer says, as parts. */
export const answerParts = ({ text, parts }: Pick<Answer, 'text' | 'parts'>): Part[] =>
  parts ?? (text === '' ? [] : [{ type: 'text', text }]);

/**
 * The answer with what it cost, as it is stored with a job and in the cache.
 * `costNanoUsd` is a decimal string of an integer, in nano-dollars; null where no price is known.
 */
export const pricedAnswer = answer.extend({
  costNanoUsd: z.string().regex(/^\d+$/).nullable(),
  priceVersion: z.string(),
});

export type PricedAnswer = z.infer<typeof pricedAnswer>;
