import type { z } from 'zod';
import type { pricingEnv } from '../config/pricing.ts';
import type { PriceOverrides } from './price-book.ts';

/** The configured prices as the price book takes them. */
export const priceOverrides = (config: z.output<z.ZodObject<typeof pricingEnv>>): PriceOverrides => ({
  gpt4: config.COST_PER_TOKEN_GPT4,
  gpt35: config.COST_PER_TOKEN_GPT35,
  claude: config.COST_PER_TOKEN_CLAUDE,
});
