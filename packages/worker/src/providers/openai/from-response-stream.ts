import type { Answer, FinishReason } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { classifyBrokenOff } from '../classify-response.ts';
import { usageOrEstimate } from '../estimate-usage.ts';
import { isObject, type JsonObject, objectOf, objectsOf, stringOf } from '../json-object.ts';
import type { AnswerReader } from '../native-answer.ts';
import { servedOn } from '../served-on.ts';
import { createTranscript } from '../transcript.ts';
import { lastEvents } from './response-body.ts';
import { createResponseReader, isCall } from './response-deltas.ts';
import { toResponseUsage } from './response-usage.ts';

/** Gathers the events of a response into an answer. One that failed is thrown as what it means for the job. */
export function startResponseAnswer(
  generation: Generation,
  model: string,
  providerRequestId: string | null,
  { provider, counter }: { provider: string; counter: Pick<TokenCounter, 'count'> },
): AnswerReader {
  const transcript = createTranscript();
  const read = createResponseReader();
  let calls = false;
  let ended: JsonObject | undefined;

  return {
    take(event) {
      if (lastEvents.includes(stringOf(event.type)) && isObject(event.response)) ended = event.response;
      if (event.type === 'response.failed') throw failedResponse(provider, objectOf(event.response));
      const deltas = read(event);
      calls ||= deltas.some(({ type }) => type === 'tool-call');
      return transcript.add(deltas);
    },
    async finish(): Promise<Answer> {
      if (ended === undefined) {
        throw new GatewayError({ code: 'provider_bad_answer', detail: 'The answer ended before it was complete.' });
      }
      return {
        ...transcript.said(),
        finishReason: finishReasonOf(ended, calls || objectsOf(ended.output).some(isCall)),
        ...(await usageOrEstimate(toResponseUsage(ended.usage), generation, transcript.written(), counter)),
        providerModel: stringOf(ended.model) || model,
        providerRequestId,
        ...servedOn({ service_tier: ended.service_tier }),
      };
    },
  };
}

function failedResponse(provider: string, { error }: JsonObject): GatewayError {
  const { code, message } = objectOf(error);
  return new GatewayError(
    classifyBrokenOff({ provider, vendorCode: stringOf(code) || null, vendorMessage: stringOf(message) || null }),
  );
}

/** A response has a status, and a reason only when it is incomplete. */
function finishReasonOf({ status, incomplete_details: details }: JsonObject, calls: boolean): FinishReason {
  if (status !== 'incomplete') return { unified: calls ? 'tool_calls' : 'stop', raw: stringOf(status) || null };
  const reason = stringOf(objectOf(details).reason);
  if (reason === 'max_output_tokens') return { unified: 'length', raw: reason };
  return { unified: reason === 'content_filter' ? 'content_filter' : 'other', raw: reason || 'incomplete' };
}
