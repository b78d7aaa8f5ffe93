import { z } from 'zod';

const usdPerToken = z
  .string()
  .regex(/^\d+(\.\d{1,12})?$/, 'must be a plain decimal in USD per token, at most 12 decimals')
  .optional();

export const pricingEnv = {
  COST_PER_TOKEN_GPT4: usdPerToken.describe('USD per token; replaces the catalogue for models named gpt-4*'),
  COST_PER_TOKEN_GPT35: usdPerToken.describe('USD per token; replaces the catalogue for models named gpt-3.5*'),
  COST_PER_TOKEN_CLAUDE: usdPerToken.describe('USD per token; replaces the catalogue for Anthropic models'),
  PRICES_FILE: z
    .string()
    .optional()
    .describe('JSON file of prices and `max_output_tokens` per model or `provider/*`, as in `examples/prices.json`'),
};
