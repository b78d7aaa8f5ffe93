import { createHash } from 'node:crypto';

/** One part of a prompt, in the order in which the vendor reads them: tools, system, messages. */
export interface PromptBlock {
  /** What it says, without its order to cache. */
  identity: string;
  tokens: number;
  /** The prompt is to be cached up to here. */
  cached: '5m' | '1h' | null;
}

export interface CacheUse {
  writeTokens: number;
  readTokens: number;
  ttl: '5m' | '1h';
}

/** Which beginnings of prompts have been seen; forgets the oldest. No part is too short for it, and none expires. */
export interface PromptCache {
  /** Reads the longest beginning that is known, and writes on up to the last order to cache. */
  use(model: string, blocks: readonly PromptBlock[]): CacheUse;
  reset(): void;
}

export function createPromptCache({ entriesMax }: { entriesMax: number }): PromptCache {
  const known = new Set<string>();
  return {
    use(model, blocks) {
      const last = blocks.findLastIndex(({ cached }) => cached !== null);
      let prefix = model;
      let tokens = 0;
      let readTokens = 0;
      const written: string[] = [];
      for (const block of blocks.slice(0, last + 1)) {
        prefix = hashOf(prefix, block.identity);
        tokens += block.tokens;
        if (known.has(prefix)) readTokens = tokens;
        if (block.cached) written.push(prefix);
      }
      for (const entry of written) known.add(entry);
      for (const oldest of known) {
        if (known.size <= entriesMax) break;
        known.delete(oldest);
      }
      return { writeTokens: tokens - readTokens, readTokens, ttl: blocks[last]?.cached ?? '5m' };
    },
    reset: () => known.clear(),
  };
}

function hashOf(prefix: string, identity: string): string {
  return createHash('sha256').update(prefix).update('\0').update(identity).digest('base64');
}
