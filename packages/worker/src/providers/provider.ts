import type { Answer, Usage } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { NativeApi } from '@llm-gateway/shared/contracts/native-body';
import type { LaneMode } from '@llm-gateway/shared/lanes/announcements';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import type { Transport } from './undici-fetch.ts';

export interface ProviderRequest {
  model: ResolvedModel;
  generation: Generation;
  /** Sent along, so that a call can be found in the provider's records by our request id. */
  requestId: string;
  /** Told of what the provider counts before the end of its answer; a call that is cut off is charged by it. */
  onPromptUsage?: (usage: Usage) => void;
  /** Given, for a call in the client's own dialect, what makes the answer so far of it in that dialect. */
  onNative?: (soFar: () => NonNullable<Answer['native']>) => void;
}

/** What one event of a provider's stream brings; nothing at all is a sign of life. */
export interface Piece {
  deltas: readonly Delta[];
  /** The event itself, as its JSON, of a call in the client's own dialect. */
  frame?: string | undefined;
}

/** What every provider is made from. */
export interface ProviderOptions {
  /** As failures name it. */
  name: string;
  mode: LaneMode;
  apiKey: string;
  baseURL: string;
  timeoutMs: number;
  /** The requests that it can be sent as clients wrote them; absent: all of its dialect. */
  apis?: readonly NativeApi[] | undefined;
  /** For what the provider leaves uncounted. */
  counter: Pick<TokenCounter, 'count'>;
  transport?: Transport;
}

/** A provider behind its official SDK. SDK retries are off: the queue retries, and two retriers multiply. */
export interface Provider {
  mode: LaneMode;
  /** The requests that it can be sent as a client of its dialect wrote them. */
  apis: readonly NativeApi[];
  /**
   * One call: in the client's own dialect where the generation has such a body and the provider speaks it, else of the
   * neutral form. Yields what arrives, and returns the whole answer. Throws whatever the SDK throws, or a GatewayError
   * for an answer that makes no sense.
   */
  generate(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<Piece, Answer>;
  /** What an error of `generate` means for the job. */
  classify(error: unknown): Failure;
  /** Lets go of its connections, when no call is in flight any more. */
  close?(): Promise<void>;
}
