import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { JobWebhook } from '@llm-gateway/shared/webhooks/job-webhook';
import type { CacheOptions } from '../http/cache-control.ts';
import type { Dialect } from '../http/dialect.ts';
import type { Fault } from '../http/invalid-field.ts';

/** What every route makes of its body before admission: dialect-free, and not yet decided upon. */
export interface GenerationRequest {
  tenantId: string;
  /** The API key that was sent; absent where none was needed. */
  keyId?: string | undefined;
  userId: string;
  /** Whose share of a lane the job is counted against. */
  share: string;
  /** Path of the route, which decides the dialect of the result. */
  endpoint: string;
  /** In whose terms the client speaks. */
  dialect: Dialect;
  /** Our ids of the models that the API key may ask for; absent: all. */
  models?: readonly string[] | undefined;
  /** The model as the client named it. */
  model: string;
  generation: Generation;
  /** What of the body only a provider can be told that speaks its dialect. */
  nativeOnly: readonly Fault[];
  cache: CacheOptions;
  metadata: Record<string, string>;
  /** Id of this HTTP request. */
  requestId: string;
  /** The `request_id` that the client gets back. */
  clientRequestId: string;
  /** Digest of tenant, path, user and body, by which a retry without a key is known. */
  fingerprint: string;
  /** Whether the client says that this is a retry of a request that it sent before. */
  isRetry: boolean;
  idempotency?: IdempotencyRequest | undefined;
  /** Whether an HTTP response waits for the result; else the client polls. */
  isWaitedFor: boolean;
  /** Whether the text is wanted as it comes. */
  isStreamed: boolean;
  /** Whether what was streamed cannot be taken back, as it can in our own events. */
  isUnrepeatable: boolean;
  /** Whether it is one of many in a batch, and priced as such. */
  isBatch: boolean;
  /** Whether the client wants a job as its answer, be there an answer in the cache. */
  wantsJob: boolean;
  /** Whether the job goes on without any reader: the client asked to come back for it. */
  isBackground: boolean;
  /** Whether the client wants to find the answer again in a list of its own. */
  isStored?: boolean | undefined;
  queue: QueueOptions;
}

export interface IdempotencyRequest {
  /** Of tenant, method, path and key. */
  digest: string;
  /** A request under a key whose first one is in flight is refused instead of attached to it. */
  isStrict: boolean;
}

/** How a job is to be queued and kept. */
export interface QueueOptions {
  /** 1 is the first to be served, 10 the last. */
  priority: number;
  onDisconnect: 'continue' | 'cancel';
  /** Begin no sooner than so long after acceptance. */
  delayMs?: number | undefined;
  /** Done by then, or failed. */
  deadlineMs?: number | undefined;
  /** Begun by then, or expired. */
  startDeadlineMs?: number | undefined;
  /** How long the result is kept; absent: as configured. */
  resultTtlMs?: number | undefined;
  /** Wait for the owner's word. */
  isHeld?: boolean | undefined;
  customId?: string | undefined;
  webhook?: JobWebhook | undefined;
  /** What a refusal of the webhook names; absent: `/webhook`. */
  webhookField?: string | undefined;
}
