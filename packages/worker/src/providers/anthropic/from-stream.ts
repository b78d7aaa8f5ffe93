import type Anthropic from '@anthropic-ai/sdk';
import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { type ReportedUsage, usageOrEstimate } from '../estimate-usage.ts';
import { finishReason } from './finish-reason.ts';
import { type AnthropicUsage, latestUsage, toUsage } from './usage.ts';

/** Gathers the events of a message stream into an answer. */
export function startAnswer(
  generation: Generation,
  model: string,
  providerRequestId: string | null,
  counter: Pick<TokenCounter, 'count'>,
) {
  let text = '';
  let rawReason: string | null = null;
  let usage: AnthropicUsage | null = null;
  let outputReported = false;
  let ended = false;
  let providerModel = model;

  function take(event: Anthropic.RawMessageStreamEvent): string {
    switch (event.type) {
      case 'message_start':
        providerModel = event.message.model || providerModel;
        usage = event.message.usage ?? null;
        return '';
      case 'content_block_delta':
        if (event.delta.type !== 'text_delta') return '';
        text += event.delta.text;
        return event.delta.text;
      case 'message_delta':
        rawReason = event.delta.stop_reason ?? rawReason;
        if (usage !== null && event.usage?.output_tokens !== undefined) {
          usage = latestUsage(usage, event.usage);
          outputReported = true;
        }
        return '';
      case 'message_stop':
        ended = true;
        return '';
      default:
        return '';
    }
  }

  function reportedUsage(): ReportedUsage | null {
    if (usage === null || outputReported) return usage && toUsage(usage);
    return { ...toUsage(usage), completionTokens: undefined };
  }

  return {
    /** Takes one event and gives back the text in it, which may be empty. */
    take,
    /** The whole answer. Rejects with `provider_bad_answer` when the stream ended without saying that it was finished. */
    async finish(): Promise<Answer> {
      if (!ended || rawReason === null) {
        throw new GatewayError({ code: 'provider_bad_answer', detail: 'The answer ended before it was complete.' });
      }
      return {
        text,
        finishReason: finishReason(rawReason),
        ...(await usageOrEstimate(reportedUsage(), generation, text, counter)),
        providerModel,
        providerRequestId,
      };
    },
  };
}
