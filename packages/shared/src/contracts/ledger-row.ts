import { z } from 'zod';
import { failureCodes } from './failure.ts';

const count = z.number().int().nonnegative();
const nanoUsd = z.string().regex(/^\d+$/);

/**
 * How a row came to be. `call`: a provider was called, and may have charged. `cached`: the cache answered, nobody was
 * called. `coalesced`: the call of an equal request answered, which has a row of its own.
 */
export const ledgerKinds = ['call', 'cached', 'coalesced'] as const;

/**
 * What became of a call. `aborted`: we gave it up in the middle. `duplicate`: it answered a generation that another
 * call had answered already. `unsettled`: its worker died, or it was given up or cut off before a word had come back, so
 * what the provider charged is not known (yet): a later row of the same call takes its place.
 */
export const ledgerStatuses = ['completed', 'incomplete', 'failed', 'aborted', 'duplicate', 'unsettled'] as const;

/**
 * One line of the ledger, as scripts leave it in the outbox: one for every provider call, and one for every request
 * that was answered without one. `generation` and `call` name it; a row that comes twice is the same row.
 */
export const ledgerRow = z.object({
  /** Id of the job; one of its own (`req_…`) where the cache answered without a job. */
  generation: z.string(),
  /** 1 for the first provider call of the generation; 0 for a row without one. */
  call: count,
  kind: z.enum(ledgerKinds),
  status: z.enum(ledgerStatuses),
  /** Why it failed, or was given up; absent where it was given up only to be made again. */
  code: z.enum(failureCodes).optional(),
  tenant: z.string(),
  /** The API key; empty where none was needed, or the admin key was sent. */
  key: z.string(),
  user: z.string(),
  /** Our id of the model, such as `openai/gpt-4o`. */
  model: z.string(),
  /** The lane: `openai`, `anthropic`, `sandbox`. */
  provider: z.string(),
  endpoint: z.string(),
  /** Id of the HTTP request, which the provider was told too. */
  request: z.string(),
  promptTokens: count.default(0),
  completionTokens: count.default(0),
  cachedPromptTokens: count.default(0),
  cacheWriteTokens: count.default(0),
  reasoningTokens: count.default(0),
  /** `none`: nothing was used. `unknown`: nobody told, and nothing is counted. */
  usageSource: z.enum(['provider', 'estimated', 'none', 'unknown']),
  /** Nano-dollars; null where no price or no usage is known. */
  costNanoUsd: nanoUsd.nullable(),
  /** What the answer would have cost anew, of a row without a call; nano-dollars. */
  savedNanoUsd: nanoUsd.default('0'),
  priceVersion: z.string().nullable(),
  /** Of the provider call, from its start to its end; null where there was none, or nobody measured. */
  latencyMs: z.number().int().nonnegative().nullable(),
  firstTokenMs: z.number().int().nonnegative().nullable(),
  /** The provider's own id of the call. */
  providerRequest: z.string().nullable(),
});

/** A row as it is written; what has a default may be left out. */
export type NewLedgerRow = z.input<typeof ledgerRow>;
export type LedgerRow = z.output<typeof ledgerRow>;
