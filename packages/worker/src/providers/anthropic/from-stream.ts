import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { type ReportedUsage, usageOrEstimate } from '../estimate-usage.ts';
import { isObject, type JsonObject, objectOf, stringOf } from '../json-object.ts';
import type { AnswerReader } from '../native-answer.ts';
import { servedOn } from '../served-on.ts';
import { createTranscript } from '../transcript.ts';
import { createEventReader } from './event-deltas.ts';
import { finishReason } from './finish-reason.ts';
import { type AnthropicUsage, latestUsage, toUsage } from './usage.ts';

/** Gathers the events of a message stream into an answer. */
export function startAnswer(
  generation: Generation,
  model: string,
  providerRequestId: string | null,
  counter: Pick<TokenCounter, 'count'>,
): AnswerReader {
  const transcript = createTranscript();
  const read = createEventReader();
  let rawReason: string | null = null;
  let usage: AnthropicUsage | null = null;
  let outputReported = false;
  let ended = false;
  let providerModel = model;

  function takeFrame(event: JsonObject): void {
    switch (event.type) {
      case 'message_start': {
        const message = objectOf(event.message);
        providerModel = stringOf(message.model) || providerModel;
        usage = asUsage(message.usage);
        break;
      }
      case 'message_delta': {
        rawReason = stringOf(objectOf(event.delta).stop_reason) || rawReason;
        const last = asUsage(event.usage);
        if (usage !== null && last?.output_tokens !== undefined) {
          usage = latestUsage(usage, last);
          outputReported = true;
        }
        break;
      }
      case 'message_stop':
        ended = true;
        break;
    }
  }

  function reportedUsage(): ReportedUsage | null {
    if (usage === null || outputReported) return usage && toUsage(usage);
    return { ...toUsage(usage), completionTokens: undefined };
  }

  return {
    take(event) {
      takeFrame(event);
      return transcript.add(read(event));
    },
    async finish(): Promise<Answer> {
      if (!ended || rawReason === null) {
        throw new GatewayError({ code: 'provider_bad_answer', detail: 'The answer ended before it was complete.' });
      }
      return {
        ...transcript.said(),
        finishReason: finishReason(rawReason),
        ...(await usageOrEstimate(reportedUsage(), generation, transcript.written(), counter)),
        providerModel,
        providerRequestId,
        ...servedOn({ speed: usage?.speed, inference_geo: usage?.inference_geo }),
      };
    },
  };
}

/** What a provider calls its usage; whether the counts are counts is seen when they are taken over. */
const asUsage = (reported: unknown): AnthropicUsage | null =>
  isObject(reported) ? (reported as unknown as AnthropicUsage) : null;
