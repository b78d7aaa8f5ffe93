import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { PriceBook } from '@llm-gateway/shared/pricing/price-book';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import { askedTerms } from '@llm-gateway/shared/pricing/terms';
import { outputCeilingOf, upperCostNanoUsd } from '@llm-gateway/shared/pricing/upper-cost';
import { estimatePromptTokens } from '@llm-gateway/shared/tokens/count-prompt';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { invalidField, invalidFields } from '../http/invalid-field.ts';
import type { Policy } from '../tenants/policies.ts';
import { answersOf, longestAnswer } from './longest-answer.ts';
import { unboundedCosts } from './unbounded-cost.ts';

/** What a generation may use, before it is known. */
export interface Estimate {
  /** What token limits count until its end. */
  tokens: number;
  /** What one call of it can cost at most; 0 without a budget. */
  nanoUsd: bigint;
}

export interface EstimatorOptions {
  prices: PriceBook;
  counter: TokenCounter;
}

// A token limit counts a request without max_tokens as if it asked for so many: with the ceiling of its model, which
// is a hundred times what answers use, a few requests would fill any limit.
const usualCompletionTokens = 1000;

/**
 * Estimates a generation for those limits and budgets that need it. Throws `invalid_request` where a budget has to be
 * kept and nobody can say what the generation may cost.
 */
export function createEstimator({ prices, counter }: EstimatorOptions) {
  return async (
    generation: Generation,
    model: ResolvedModel,
    { rules, budgets }: Pick<Policy, 'rules' | 'budgets'>,
    isBatch = false,
  ): Promise<Estimate | undefined> => {
    const hasBudget = budgets.length > 0;
    if (!hasBudget && !rules.some(({ measure }) => measure === 'tokens')) return undefined;
    const ceiling = ceilingOf(model, prices, generation);
    const bound = hasBudget ? boundOf(generation, model, prices, ceiling) : undefined;
    const promptTokens = await estimatePromptTokens(generation, model.provider, counter);
    const usual = generation.maxTokens ?? Math.min(usualCompletionTokens, ceiling ?? usualCompletionTokens);
    return {
      tokens: promptTokens + usual * answersOf(generation),
      nanoUsd: bound
        ? upperCostNanoUsd(bound.price, {
            promptTokens,
            completionTokensMax: bound.completionTokensMax,
            batch: isBatch,
            terms: askedTerms(generation.native),
          })
        : 0n,
    };
  };
}

/** Embeddings are no output, also of a model that we do not know. */
function ceilingOf(model: ResolvedModel, prices: PriceBook, generation: Generation): number | undefined {
  return generation.native?.api === 'embeddings' ? 0 : outputCeilingOf(model, prices, generation);
}

export type Estimator = ReturnType<typeof createEstimator>;

function boundOf(generation: Generation, model: ResolvedModel, prices: PriceBook, ceiling: number | undefined) {
  const price = prices.priceOf(model, Date.now());
  if (!price) {
    throw invalidField(
      '/model',
      `the price of ${model.id} is not known, and a budget has to be kept; PRICES_FILE can name one`,
    );
  }
  const [unbounded, ...others] = generation.native ? unboundedCosts(generation.native) : [];
  if (unbounded) throw invalidFields([unbounded, ...others]);
  const perAnswer = longestAnswer(generation, ceiling);
  if (perAnswer === undefined) {
    throw invalidField('/max_tokens', `is required for ${model.id}, whose own bound is not known, to keep a budget`);
  }
  return { price, completionTokensMax: perAnswer * answersOf(generation) };
}
