import type { Answer, PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { PriceBook } from '@llm-gateway/shared/pricing/price-book';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';

/** Puts the cost beside an answer; null, never zero, where no price is known. */
export function priceAnswer(prices: PriceBook, model: ResolvedModel, answer: Answer): PricedAnswer {
  const cost = prices.costOf(model, answer.usage, Date.now());
  return {
    ...answer,
    costNanoUsd: 'nanoUsd' in cost ? cost.nanoUsd.toString() : null,
    priceVersion: prices.version,
  };
}
