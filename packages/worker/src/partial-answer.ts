import type { Answer, Usage } from '@llm-gateway/shared/contracts/answer';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import { askedTerms } from '@llm-gateway/shared/pricing/terms';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { estimateUsage } from './providers/estimate-usage.ts';

/**
 * What a provider had given of an answer that was cut off, and what that is charged with: the prompt as the provider
 * counted it where it did, the rest as the tokenizer counts. Marked as an estimate, because no provider tells the usage
 * of a call that was aborted. Never rejects.
 */
export async function partialAnswer(
  generation: Generation,
  written: readonly string[],
  model: ResolvedModel,
  promptUsage: Usage | undefined,
  counter: Pick<TokenCounter, 'count'>,
): Promise<Answer> {
  const terms = askedTerms(generation.native);
  return {
    text: written.join(''),
    finishReason: { unified: 'other', raw: null },
    usage: await estimateUsage(generation, written, counter, promptUsage),
    usageSource: 'estimated',
    providerModel: model.model,
    providerRequestId: null,
    ...(terms.length === 0 ? {} : { terms }),
  };
}
