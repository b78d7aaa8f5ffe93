import type { Answer, Usage } from '@llm-gateway/shared/contracts/answer';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
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
}

/** What every provider is made from. */
export interface ProviderOptions {
  /** As failures name it. */
  name: string;
  mode: LaneMode;
  apiKey: string;
  baseURL: string;
  timeoutMs: number;
  /** For what the provider leaves uncounted. */
  counter: Pick<TokenCounter, 'count'>;
  transport?: Transport;
}

/** A provider behind its official SDK. SDK retries are off: the queue retries, and two retriers multiply. */
export interface Provider {
  mode: LaneMode;
  /**
   * One call. Yields text as it arrives, and an empty string for a sign of life without text; returns the whole
   * answer. Throws whatever the SDK throws, or a GatewayError for an answer that makes no sense.
   */
  generate(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<string, Answer>;
  /** What an error of `generate` means for the job. */
  classify(error: unknown): Failure;
  /** Lets go of its connections, when no call is in flight any more. */
  close?(): Promise<void>;
}
