import { failureCodes } from '@llm-gateway/shared/contracts/failure';
import { ledgerKinds, ledgerStatuses } from '@llm-gateway/shared/contracts/ledger-row';
import type { LedgerTable } from '@llm-gateway/shared/ledger/ledger-tables';
import { usdNumber } from '@llm-gateway/shared/pricing/format-usd';
import { z } from 'zod';

const ms = z.int().nullable();

export const ledgerRowView = z
  .object({
    object: z.literal('ledger.row'),
    id: z.string().describe('Generation and number of the call'),
    at: z.iso.datetime(),
    generation: z.string(),
    call: z.int().describe('1 for the first provider call of the generation; 0 for a request without one'),
    kind: z.enum(ledgerKinds),
    status: z.enum(ledgerStatuses),
    code: z
      .string()
      .nullable()
      .describe(`Why it failed: ${failureCodes.join(', ')}`),
    tenant_id: z.string(),
    key_id: z.string().nullable(),
    user_id: z.string(),
    model: z.string(),
    provider: z.string(),
    endpoint: z.string(),
    request_id: z.string(),
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    cached_prompt_tokens: z.int(),
    cache_write_tokens: z.int(),
    reasoning_tokens: z.int(),
    usage_source: z.enum(['provider', 'estimated', 'none', 'unknown']),
    cost_usd: z.number().nullable().describe('null where no price or no usage is known'),
    saved_usd: z.number(),
    price_version: z.string().nullable(),
    latency_ms: ms,
    first_token_ms: ms,
    provider_request_id: z.string().nullable(),
  })
  .meta({ id: 'LedgerRow' });

export type LedgerRowView = z.infer<typeof ledgerRowView>;

export const ledgerRowColumns = Object.keys(ledgerRowView.omit({ object: true }).shape);

const numberOrNull = (text: string | null) => (text === null ? null : Number(text));

export const viewLedgerRow = (row: LedgerTable): LedgerRowView => ({
  object: 'ledger.row',
  id: ledgerRowId(row),
  at: row.at.toISOString(),
  generation: row.generation,
  call: row.call,
  kind: row.kind,
  status: row.status,
  code: row.code,
  tenant_id: row.tenant,
  key_id: row.key || null,
  user_id: row.user_id,
  model: row.model,
  provider: row.provider,
  endpoint: row.endpoint,
  request_id: row.request,
  prompt_tokens: Number(row.prompt_tokens),
  completion_tokens: Number(row.completion_tokens),
  cached_prompt_tokens: Number(row.cached_prompt_tokens),
  cache_write_tokens: Number(row.cache_write_tokens),
  reasoning_tokens: Number(row.reasoning_tokens),
  usage_source: row.usage_source,
  cost_usd: row.cost_nano_usd === null ? null : usdNumber(BigInt(row.cost_nano_usd)),
  saved_usd: usdNumber(BigInt(row.saved_nano_usd)),
  price_version: row.price_version,
  latency_ms: numberOrNull(row.latency_ms),
  first_token_ms: numberOrNull(row.first_token_ms),
  provider_request_id: row.provider_request,
});

type CallName = Pick<LedgerTable, 'generation' | 'call'>;

const ledgerRowId = ({ generation, call }: CallName): string => `${generation}.${call}`;

/** The call that an id of a row names; undefined for what is no id. */
export function parseLedgerRowId(id: string): CallName | undefined {
  const [, generation, call] = /^(.{1,200})\.(\d{1,9})$/.exec(id) ?? [];
  return generation === undefined ? undefined : { generation, call: Number(call) };
}
