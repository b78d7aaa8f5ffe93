import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { CacheOptions } from '../http/cache-control.ts';

/** What every route makes of its body before admission: dialect-free, and not yet decided upon. */
export interface GenerationRequest {
  tenantId: string;
  userId: string;
  /** Path of the route, which decides the dialect of the result. */
  endpoint: string;
  /** The model as the client named it. */
  model: string;
  generation: Generation;
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
  /** Whether an HTTP response waits for the result; else the client polls. */
  isWaitedFor: boolean;
}
