import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { usageOrEstimate } from '../estimate-usage.ts';
import { objectOf, stringOf } from '../json-object.ts';
import type { AnswerReader } from '../native-answer.ts';

/** The answer behind a list of embeddings: no word, and the prompt alone is counted. */
export function startEmbeddings(
  generation: Generation,
  model: string,
  providerRequestId: string | null,
  counter: Pick<TokenCounter, 'count'>,
): AnswerReader {
  let list: Record<string, unknown> = {};
  return {
    take(body) {
      list = body;
      return [];
    },
    async finish() {
      if (!Array.isArray(list.data)) {
        throw new GatewayError({ code: 'provider_bad_answer', detail: 'The answer is no list of embeddings.' });
      }
      const promptTokens = objectOf(list.usage).prompt_tokens as number | undefined;
      const reported = { promptTokens, completionTokens: 0, totalTokens: promptTokens };
      return {
        text: '',
        finishReason: { unified: 'stop', raw: null },
        ...(await usageOrEstimate(reported, generation, [], counter)),
        providerModel: stringOf(list.model) || model,
        providerRequestId,
      };
    },
  };
}
