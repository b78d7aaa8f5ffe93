import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { FailureCode } from '@llm-gateway/shared/contracts/failure';
import type { NewLedgerRow } from '@llm-gateway/shared/contracts/ledger-row';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';

/** A provider call and what it came to, as `book_call` in the scripts takes it. */
export interface BookedCall {
  /** Which call of its job: the record's `calls` when the run was begun. */
  call: number;
  /** Its row of the ledger, as JSON. */
  row: string;
  /** What it cost, in nano-dollars; 0 where nobody knows the price. */
  nano: string;
  /** Prompt and completion tokens that it used. */
  tokens: number;
  /** Nobody was told what it used: it is left unsettled, and what was held for it is kept back. */
  isUnknown: boolean;
}

export interface CallFacts {
  /** The model that was called, where that is not the one that the job was accepted for. */
  model?: Pick<ResolvedModel, 'id' | 'provider'> | undefined;
  status: NewLedgerRow['status'];
  code?: FailureCode | undefined;
  /**
   * What was used. `none`: the provider refused, and charges nothing. `unknown`: it had not begun to answer when the call
   * was given up or the connection broke; what it charges for that, nobody is told, and the call is unsettled.
   */
  used: PricedAnswer | 'none' | 'unknown';
  latencyMs: number;
  firstTokenMs: number | null;
}

/** Makes the ledger's row of a call. */
export function bookedCall(
  id: string,
  record: JobRecord,
  { model, status, code, used, ...times }: CallFacts,
): BookedCall {
  const answer = typeof used === 'string' ? undefined : used;
  const { usage } = answer ?? {};
  const row: NewLedgerRow = {
    generation: id,
    call: record.calls,
    kind: 'call',
    status: used === 'unknown' ? 'unsettled' : status,
    ...(code === undefined ? {} : { code }),
    tenant: record.tenant,
    key: record.key ?? '',
    user: record.user,
    model: model?.id ?? record.target,
    provider: model?.provider ?? record.lane,
    endpoint: record.endpoint,
    request: record.request,
    promptTokens: usage?.promptTokens ?? 0,
    completionTokens: usage?.completionTokens ?? 0,
    cachedPromptTokens: usage?.cachedPromptTokens ?? 0,
    cacheWriteTokens: usage?.cacheWriteTokens ?? 0,
    reasoningTokens: usage?.reasoningTokens ?? 0,
    usageSource: typeof used === 'string' ? used : used.usageSource,
    costNanoUsd: used === 'none' ? '0' : (answer?.costNanoUsd ?? null),
    priceVersion: answer?.priceVersion ?? null,
    latencyMs: Math.round(times.latencyMs),
    firstTokenMs: times.firstTokenMs === null ? null : Math.round(times.firstTokenMs),
    providerRequest: answer?.providerRequestId ?? null,
  };
  return {
    call: record.calls,
    row: JSON.stringify(row),
    nano: answer?.costNanoUsd ?? '0',
    tokens: (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0),
    isUnknown: used === 'unknown',
  };
}

/** The same call, as one that answered what another had answered already. */
export const asDuplicate = (call: BookedCall): BookedCall => ({
  ...call,
  row: JSON.stringify({ ...(JSON.parse(call.row) as NewLedgerRow), status: 'duplicate' }),
});
