import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { writtenText } from '@llm-gateway/shared/contracts/deltas';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { Interruption } from './interruption.ts';
import type { Piece, Provider, ProviderRequest } from './providers/provider.ts';

export interface CallLimits {
  /** Longest call, from start to end. */
  timeoutMs: number;
  /** Longest silence, before the first and between two signs of life. */
  idleMs: number;
}

export interface CallReport {
  answer: Answer;
  callMs: number;
  /** Until the first token, seen or not; null when there was none. */
  firstTokenMs: number | null;
}

/**
 * One provider call within its limits. Throws what the provider's SDK throws; a `provider_timeout` when a limit
 * passed; an Interruption when the caller gave the call up through `signal`. `onPiece` hears every sign of life, be it
 * empty.
 */
export async function callProvider(
  provider: Provider,
  request: ProviderRequest,
  { timeoutMs, idleMs }: CallLimits,
  signal: AbortSignal,
  onPiece: (piece: Piece) => void = () => undefined,
): Promise<CallReport> {
  const limits = new AbortController();
  const expire = (what: string) =>
    limits.abort(new GatewayError({ code: 'provider_timeout', detail: `The provider ${what}.` }));
  const total = setTimeout(() => expire(`did not finish within ${timeoutMs} ms`), timeoutMs);
  const idle = setTimeout(() => expire(`was silent for ${idleMs} ms`), idleMs);
  // A signal of the call's own, not AbortSignal.any: that would live as long as the process's signal does, held by the
  // listener that the Anthropic SDK never takes off.
  const giveUp = () => limits.abort(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });

  const startedMs = performance.now();
  let firstTokenMs: number | null = null;
  try {
    const pieces = provider.generate(request, limits.signal);
    for (;;) {
      const step = await pieces.next();
      if (step.done) return { answer: step.value, callMs: performance.now() - startedMs, firstTokenMs };
      idle.refresh();
      onPiece(step.value);
      if (firstTokenMs === null && isToken(step.value)) firstTokenMs = performance.now() - startedMs;
    }
  } catch (error) {
    // An SDK reports an abort in its own words, and a stream that is cut by one may just end: the signals know why.
    if (signal.aborted) throw new Interruption(signal.reason);
    if (limits.signal.aborted) throw limits.signal.reason;
    throw error;
  } finally {
    clearTimeout(total);
    clearTimeout(idle);
    signal.removeEventListener('abort', giveUp);
  }
}

/** Whether the model has written something with it. */
export const isToken = ({ deltas }: Piece): boolean => deltas.some((delta) => writtenText(delta) !== '');
