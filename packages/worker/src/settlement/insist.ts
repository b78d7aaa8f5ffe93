import { setTimeout as pause } from 'node:timers/promises';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';

/** How long an answer in hand is worth holding on to. */
const patienceMs = 600_000;
const pauseMaxMs = 2000;

/**
 * Repeats a step that records what has been paid for while Redis refuses it (out of memory, read-only, loading): to
 * let go would mean to buy the answer again. The step must be harmless when repeated. Any other error, and the last
 * one when patience is over, passes.
 */
export async function insist<T>(step: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (let pauseMs = 100; ; pauseMs = Math.min(2 * pauseMs, pauseMaxMs)) {
    try {
      return await step();
    } catch (error) {
      const isRefused = error instanceof GatewayError && error.failure.code === 'dependency_down';
      if (!isRefused || performance.now() + pauseMs > deadline) throw error;
    }
    await pause(pauseMs);
  }
}
