import { createCountThread } from './count-thread.ts';
import { tokensAtMost } from './tokens-at-most.ts';

export interface TokenCounter {
  /**
   * Tokens of the texts, each counted for itself, in OpenAI's o200k_base. When too much is waiting to be counted it is
   * an upper bound instead. Rejects when the counter is closed, or its thread died over these texts.
   */
  count(texts: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

interface TokenCounterOptions {
  /** After so long without work a thread gives its memory back. */
  idleMs?: number;
  /** Beyond so many characters in line, about a second's work, nothing more is counted exactly. */
  charactersWaitingMax?: number;
}

// At most 25 ms of a thread's time, 3 ms in English: so much may wait for each other.
const smallMax = 20_000;

/**
 * Counts tokens off the event loop, always: to load the tokenizer there would hold it up for 120 ms, a prompt of
 * 20,000 characters for up to 25 ms, and a trip to a thread and back is 0.1 ms. Large texts have a thread of their own,
 * so that small ones do not wait for them. Nothing is loaded before the first count.
 */
export function createTokenCounter({
  idleMs = 300_000,
  charactersWaitingMax = 5_000_000,
}: TokenCounterOptions = {}): TokenCounter {
  const small = createCountThread({ idleMs });
  const large = createCountThread({ idleMs });
  return {
    async count(texts) {
      const characters = texts.reduce((sum, text) => sum + text.length, 0);
      const thread = characters <= smallMax ? small : large;
      return thread.charactersWaiting() > charactersWaitingMax ? tokensAtMost(texts) : thread.count(texts);
    },
    async close() {
      await Promise.all([small.close(), large.close()]);
    },
  };
}
