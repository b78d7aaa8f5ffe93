import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { usdNumber } from '@llm-gateway/shared/pricing/format-usd';

/** What an answer cost, as the JSON number nearest to the exact amount; null where no price is known. */
export const costUsd = ({ costNanoUsd }: Pick<PricedAnswer, 'costNanoUsd'>): number | null =>
  costNanoUsd === null ? null : usdNumber(BigInt(costNanoUsd));
