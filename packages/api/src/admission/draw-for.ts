import { createHash } from 'node:crypto';
import { digestOf } from './canonical-json.ts';
import type { GenerationRequest } from './generation-request.ts';

/**
 * The draws by which a request is given one of several models. Requests that the cache would answer alike draw alike, or
 * they would miss each other's answers and calls; others draw anew each time.
 */
export function drawFor({ tenantId, generation, cache }: Pick<GenerationRequest, 'tenantId' | 'generation' | 'cache'>) {
  if (cache.mode === 'off' || cache.noCache || cache.noStore) return Math.random;
  let digest: string | undefined;
  let draws = 0;
  return (): number => {
    digest ??= digestOf({ tenantId, generation });
    draws += 1;
    return createHash('sha256').update(`${digest}:${draws}`).digest().readUInt32BE(0) / 2 ** 32;
  };
}
