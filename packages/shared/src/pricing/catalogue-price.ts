import { calcPrice, type TieredPrices } from '@pydantic/genai-prices';
import {
  flatPrice,
  type ModelPrice,
  oneHourWritePrice,
  type PriceKind,
  priceKinds,
  type TokenPrice,
} from './model-price.ts';
import type { ModelRow } from './model-row.ts';
import { scaledInteger } from './scaled-integer.ts';

/** Version of `@pydantic/genai-prices`, whose bundled data these prices are; never updated over the network. */
export const catalogueVersion = '0.1.8';

/** The catalogue's names of the kinds that we count. A batch has no price in it. */
export const catalogueMembers = {
  input: 'input_mtok',
  output: 'output_mtok',
  cachedInput: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  cacheWrite1h: 'cache_write_1h_mtok',
  imageInput: 'input_image_mtok',
  audioInput: 'input_audio_mtok',
  reasoning: 'output_reasoning_mtok',
  audioOutput: 'output_audio_mtok',
} as const satisfies Record<PriceKind, string>;

/**
 * The catalogue's price of a model of our table at that time (prices change on dates), undefined where it has none.
 * `model` is the row's own or a snapshot's name. Never ask for other names: the catalogue prices `claude-sonnet-5-5`
 * by the prefix `claude-sonnet-5`. Fees for tools are not part of it.
 */
export function cataloguePrice(row: ModelRow, model: string, atMs: number): ModelPrice | undefined {
  const found = calcPrice({}, model, { providerId: row.provider, timestamp: new Date(atMs) });
  const prices: Partial<Record<PriceKind, TokenPrice>> = {};
  for (const kind of priceKinds) {
    const usdPerMillion = found?.model_price[catalogueMembers[kind]];
    if (usdPerMillion !== undefined) prices[kind] = tokenPrice(usdPerMillion);
  }
  // An embedding has no output. Anything else without its price would be billed at nothing.
  const { input, output = row.kind === 'embedding' ? flatPrice(0n) : undefined } = prices;
  if (!input || !output) return undefined;
  return { ...(row.provider === 'anthropic' && { cacheWrite1h: oneHourWritePrice(input) }), ...prices, input, output };
}

/** As the catalogue defines tiers: the last one with more prompt tokens than its start prices every token of a call. */
function tokenPrice(usdPerMillion: number | TieredPrices): TokenPrice {
  if (typeof usdPerMillion === 'number') return flatPrice(picoUsd(usdPerMillion));
  const tiers = usdPerMillion.tiers.map(({ start, price }) => ({ above: start, price: picoUsd(price) }));
  return { base: picoUsd(usdPerMillion.base), tiers: tiers.sort((a, b) => a.above - b.above) };
}

/** The shortest decimal of the double is the price as it was written. */
const picoUsd = (usdPerMillion: number) => scaledInteger(String(usdPerMillion), 6);
