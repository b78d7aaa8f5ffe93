import type { Answer, PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { PriceBook } from '@llm-gateway/shared/pricing/price-book';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';

/** Puts the cost beside the answer of a job; null, never zero, where no price is known. */
export function priceAnswer(
  prices: PriceBook,
  model: ResolvedModel,
  answer: Answer,
  { batch = false }: Pick<JobRecord, 'batch'>,
): PricedAnswer {
  const cost = prices.costOf(model, answer.usage, Date.now(), { batch, terms: answer.terms ?? [] });
  return {
    ...answer,
    costNanoUsd: 'nanoUsd' in cost ? cost.nanoUsd.toString() : null,
    priceVersion: prices.version,
  };
}
