import type { PricedAnswer } from '../contracts/answer.ts';
import { usdNumber } from './format-usd.ts';

/** What an answer cost, as the JSON number nearest to the exact amount; null where no price is known. */
export const costUsd = ({ costNanoUsd }: Pick<PricedAnswer, 'costNanoUsd'>): number | null =>
  costNanoUsd === null ? null : usdNumber(BigInt(costNanoUsd));
