import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { QueueOptions } from '../admission/generation-request.ts';
import type { CacheOptions } from '../http/cache-control.ts';
import type { Fault } from '../http/invalid-field.ts';

/**
 * A body as its dialect reads it: what is asked, and how it is to be taken. What `GenerationRequest` adds is the same for
 * all dialects: who asks, and what the headers say.
 */
export interface AskedBody {
  /** The model as the client named it. */
  model: string;
  /** With the body itself as `native`, where there are providers that speak its dialect. */
  generation: Generation;
  /** What no provider could be told that does not speak the dialect; refused when the model turns out to be such a one's. */
  nativeOnly: readonly Fault[];
  /** What makes the request another one: the body without what only says how the answer is taken. */
  asked: object;
  isStreamed: boolean;
  /** Whether the client comes back for the answer instead of waiting for it. */
  isBackground: boolean;
  /** Whether the client wants to find the answer again in a list of its own. */
  isStored?: boolean;
  /** The end user, and what of the body names them. */
  user?: { id: string; pointer: string } | undefined;
  /** Where nobody is named and the key names nobody either; absent: that is refused. */
  fallbackUserId?: string;
  /**
   * Whether an equal request may be given the same answer: whatever the headers say, where they ask for it, or never,
   * because the answer is kept by the provider or is meant to be another every time.
   */
  caching: 'unless-refused' | 'when-asked' | 'never';
  cache: CacheOptions;
  queue: QueueOptions;
  metadata: Record<string, string>;
  /** The client's own name for the request. */
  clientRequestId?: string | undefined;
}
