import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import type OpenAI from 'openai';
import { usageOrEstimate } from '../estimate-usage.ts';
import { objectsOf, stringOf } from '../json-object.ts';
import type { AnswerReader } from '../native-answer.ts';
import { servedOn } from '../served-on.ts';
import { createTranscript } from '../transcript.ts';
import { createChoiceReader } from './choice-deltas.ts';
import { finishReason } from './finish-reason.ts';
import { toUsage } from './usage.ts';

/** Gathers the chunks of a chat or text completion into an answer, or takes the whole of it as one chunk. */
export function startAnswer(
  generation: Generation,
  model: string,
  providerRequestId: string | null,
  counter: Pick<TokenCounter, 'count'>,
): AnswerReader {
  const transcript = createTranscript();
  const read = createChoiceReader();
  // Of each choice that was heard of; null until it ends.
  const reasons = new Map<number, string | null>();
  let usage: OpenAI.CompletionUsage | null = null;
  let providerModel = model;
  let tier: unknown;

  return {
    take(chunk) {
      providerModel = stringOf(chunk.model) || providerModel;
      tier = chunk.service_tier ?? tier;
      usage = (chunk.usage as OpenAI.CompletionUsage | null | undefined) ?? usage;
      // Compatible servers send chunks without choices.
      const choices = objectsOf(chunk.choices);
      for (const { index, finish_reason: reason } of choices) {
        const place = typeof index === 'number' ? index : 0;
        reasons.set(place, typeof reason === 'string' ? reason : (reasons.get(place) ?? null));
      }
      return transcript.add(choices.flatMap(read));
    },
    async finish(): Promise<Answer> {
      const rawReason = reasons.get(0) ?? null;
      if (rawReason === null || [...reasons.values()].includes(null)) {
        throw new GatewayError({ code: 'provider_bad_answer', detail: 'The answer ended before it was complete.' });
      }
      return {
        ...transcript.said(),
        finishReason: finishReason(rawReason),
        ...(await usageOrEstimate(usage && toUsage(usage), generation, transcript.written(), counter)),
        providerModel,
        providerRequestId,
        ...servedOn({ service_tier: tier }),
      };
    },
  };
}
