import { calcPrice, type TieredPrices } from '@pydantic/genai-prices';
import { flatPrice, type ModelPrice, type TokenPrice } from './model-price.ts';
import type { ModelRow } from './model-row.ts';
import { scaledInteger } from './scaled-integer.ts';

/** Version of `@pydantic/genai-prices`, whose bundled data these prices are; never updated over the network. */
export const catalogueVersion = '0.1.8';

/**
 * The catalogue's price of a model of our table at that time (prices change on dates), undefined where it has none.
 * `model` is the row's own or a snapshot's name. Never ask for other names: the catalogue prices `claude-sonnet-5-5`
 * by the prefix `claude-sonnet-5`. Fees for tools, batches and one-hour cache writes are not part of it.
 */
export function cataloguePrice(row: ModelRow, model: string, atMs: number): ModelPrice | undefined {
  const found = calcPrice({}, model, { providerId: row.provider, timestamp: new Date(atMs) });
  const { input_mtok, output_mtok, cache_read_mtok, cache_write_mtok } = found?.model_price ?? {};
  // An embedding has no output. Anything else without its price would be billed at nothing.
  const output = output_mtok ?? (row.kind === 'embedding' ? 0 : undefined);
  if (input_mtok === undefined || output === undefined) return undefined;
  return {
    input: tokenPrice(input_mtok),
    output: tokenPrice(output),
    ...(cache_read_mtok !== undefined && { cachedInput: tokenPrice(cache_read_mtok) }),
    ...(cache_write_mtok !== undefined && { cacheWrite: tokenPrice(cache_write_mtok) }),
  };
}

/** As the catalogue defines tiers: the last one with more prompt tokens than its start prices every token of a call. */
function tokenPrice(usdPerMillion: number | TieredPrices): TokenPrice {
  if (typeof usdPerMillion === 'number') return flatPrice(picoUsd(usdPerMillion));
  const tiers = usdPerMillion.tiers.map(({ start, price }) => ({ above: start, price: picoUsd(price) }));
  return { base: picoUsd(usdPerMillion.base), tiers: tiers.sort((a, b) => a.above - b.above) };
}

/** The shortest decimal of the double is the price as it was written. */
const picoUsd = (usdPerMillion: number) => scaledInteger(String(usdPerMillion), 6);
