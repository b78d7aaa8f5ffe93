import { listPrice, type ModelPrice, priceKinds, priceMembers } from '@llm-gateway/shared/pricing/model-price';
import type { ModelRow } from '@llm-gateway/shared/pricing/model-row';
import type { PriceBook } from '@llm-gateway/shared/pricing/price-book';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { z } from 'zod';

const pricing = z.object({
  input_per_1m_usd: z.number(),
  output_per_1m_usd: z.number(),
  cached_input_per_1m_usd: z.number().optional(),
  cache_write_per_1m_usd: z.number().optional(),
  cache_write_1h_per_1m_usd: z.number().optional(),
  image_input_per_1m_usd: z.number().optional(),
  audio_input_per_1m_usd: z.number().optional(),
  reasoning_per_1m_usd: z.number().optional(),
  audio_output_per_1m_usd: z.number().optional(),
});

/** OpenAI's and Anthropic's model objects in one: no name collides, and each SDK reads its own. */
export const modelView = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    type: z.literal('model'),
    created: z.int(),
    created_at: z.iso.datetime(),
    owned_by: z.string(),
    display_name: z.string(),
    max_input_tokens: z.int().nullable(),
    max_tokens: z.int().nullable(),
    capabilities: z.null(),
    lifecycle: z.literal('active'),
    deprecated_at: z.null(),
    retires_at: z.null(),
    line: z.null(),
    aliases: z.array(z.string()),
    pricing: pricing.nullable(),
    endpoints: z.array(z.string()),
    targets: z
      .array(z.string())
      .optional()
      .describe("Of a name of the operator's: the models behind it, the first one first"),
  })
  .meta({ id: 'Model' });

export type ModelView = z.infer<typeof modelView>;

/** A model as the first version of this API listed it. */
export const seedModelView = z.object({
  model: z.string(),
  id: z.string(),
  cost_per_token: z.number().nullable(),
  cost_per_1k_tokens: z.number().nullable(),
  input_cost_per_1k_tokens: z.number().nullable(),
  output_cost_per_1k_tokens: z.number().nullable(),
  max_tokens: z.int().nullable(),
  supported_features: z.array(z.string()),
});

// A model whose day of release nobody could support sorts before all others.
const unknownDay = '1970-01-01';

export function viewModel(row: ModelRow, prices: PriceBook): ModelView {
  const createdMs = Date.parse(row.createdOn ?? unknownDay);
  const model = resolveModel(row.id);
  return {
    id: row.id,
    object: 'model',
    type: 'model',
    created: createdMs / 1000,
    created_at: new Date(createdMs).toISOString(),
    owned_by: row.provider,
    display_name: row.displayName,
    max_input_tokens: row.maxInputTokens ?? null,
    max_tokens: row.maxOutputTokens ?? (model && prices.maxOutputTokensOf(model)) ?? null,
    capabilities: null,
    lifecycle: 'active',
    deprecated_at: null,
    retires_at: null,
    line: null,
    aliases: [...row.aliases, ...row.snapshots],
    pricing: viewPricing(model && prices.priceOf(model, Date.now())),
    endpoints: endpointsOf(row),
  };
}

/** What the model can be asked by, by the last words of the paths. */
const endpointsOf = ({ kind }: ModelRow): string[] =>
  kind === 'chat' ? ['generate', 'chat', 'responses', 'messages'] : ['embeddings'];

function viewPricing(price: ModelPrice | undefined): ModelView['pricing'] {
  if (!price) return null;
  const listed = listPrice(price, 1_000_000);
  const members = priceKinds.flatMap((kind) => {
    const usd = listed[kind];
    return usd === undefined ? [] : [[priceMembers[kind], usd] as const];
  });
  return { input_per_1m_usd: listed.input, output_per_1m_usd: listed.output, ...Object.fromEntries(members) };
}

/** USD per token and per thousand: of input, where one number has to do. */
export function viewSeedModel({
  id,
  aliases,
  pricing: price,
  max_tokens,
  endpoints,
}: ModelView): z.infer<typeof seedModelView> {
  const per = (usdPerMillion: number | undefined, tokens: number) =>
    usdPerMillion === undefined ? null : Number(((usdPerMillion * tokens) / 1e6).toPrecision(12));
  return {
    model: aliases[0] ?? id,
    id,
    cost_per_token: per(price?.input_per_1m_usd, 1),
    cost_per_1k_tokens: per(price?.input_per_1m_usd, 1000),
    input_cost_per_1k_tokens: per(price?.input_per_1m_usd, 1000),
    output_cost_per_1k_tokens: per(price?.output_per_1m_usd, 1000),
    max_tokens,
    supported_features: endpoints.includes('generate') ? ['text-generation'] : ['embeddings'],
  };
}
