import type { CacheEntry } from '@llm-gateway/shared/cache/cache-entry';
import type { NewLedgerRow } from '@llm-gateway/shared/contracts/ledger-row';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { GenerationRequest } from './generation-request.ts';

/** The ledger's row of a request that the cache has answered, but for what the stored entry knows. */
export const openCachedRow = (
  generation: string,
  { tenantId, keyId, userId, endpoint, requestId }: GenerationRequest,
  { id, provider }: ResolvedModel,
): Omit<NewLedgerRow, 'status' | 'savedNanoUsd'> => ({
  generation,
  call: 0,
  kind: 'cached',
  tenant: tenantId,
  key: keyId ?? '',
  user: userId,
  model: id,
  provider,
  endpoint,
  request: requestId,
  usageSource: 'none',
  costNanoUsd: '0',
  priceVersion: null,
  latencyMs: null,
  firstTokenMs: null,
  providerRequest: null,
});

/** The whole of it: the request used nothing, and saved what the answer had cost. */
export const cachedRow = (
  generation: string,
  request: GenerationRequest,
  model: ResolvedModel,
  { state, answer }: Pick<CacheEntry, 'state' | 'answer'>,
): NewLedgerRow => ({
  ...openCachedRow(generation, request, model),
  status: state,
  savedNanoUsd: answer.costNanoUsd ?? '0',
});
