import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import type OpenAI from 'openai';
import { usageOrEstimate } from '../estimate-usage.ts';
import { finishReason } from './finish-reason.ts';
import { toUsage } from './usage.ts';

/** Gathers the chunks of a chat completion into an answer. */
export function startAnswer(
  generation: Generation,
  model: string,
  providerRequestId: string | null,
  counter: Pick<TokenCounter, 'count'>,
) {
  let text = '';
  let rawReason: string | null = null;
  let usage: OpenAI.CompletionUsage | null = null;
  let providerModel = model;

  return {
    /** Takes one chunk and gives back the text in it, which may be empty. */
    take(chunk: OpenAI.ChatCompletionChunk): string {
      providerModel = chunk.model || providerModel;
      usage = chunk.usage ?? usage;
      // Compatible servers send chunks without choices, and Azure choices without a delta.
      const choice = chunk.choices?.[0];
      rawReason = choice?.finish_reason ?? rawReason;
      const delta = choice?.delta?.content ?? choice?.delta?.refusal ?? '';
      text += delta;
      return delta;
    },
    /** The whole answer. Rejects with `provider_bad_answer` when the stream ended without saying that it was finished. */
    async finish(): Promise<Answer> {
      if (rawReason === null) {
        throw new GatewayError({ code: 'provider_bad_answer', detail: 'The answer ended before it was complete.' });
      }
      return {
        text,
        finishReason: finishReason(rawReason),
        ...(await usageOrEstimate(usage && toUsage(usage), generation, text, counter)),
        providerModel,
        providerRequestId,
      };
    },
  };
}
