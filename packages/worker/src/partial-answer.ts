import type { Answer, Usage } from '@llm-gateway/shared/contracts/answer';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import { estimateUsage } from './providers/estimate-usage.ts';

/**
 * What a provider had given of an answer that was cut off, and what that is charged with: the prompt as the provider
 * counted it where it did, the rest by length. Marked as an estimate, because no provider tells the usage of a call
 * that was aborted.
 */
export function partialAnswer(
  generation: Generation,
  text: string,
  model: ResolvedModel,
  promptUsage: Usage | undefined,
): Answer {
  const estimate = estimateUsage(generation, text);
  const promptTokens = promptUsage?.promptTokens ?? estimate.promptTokens;
  return {
    text,
    finishReason: { unified: 'other', raw: null },
    usage: {
      ...promptUsage,
      promptTokens,
      completionTokens: estimate.completionTokens,
      totalTokens: promptTokens + estimate.completionTokens,
    },
    usageSource: 'estimated',
    providerModel: model.model,
    providerRequestId: null,
  };
}
