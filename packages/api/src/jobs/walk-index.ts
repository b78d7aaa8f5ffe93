import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Redis } from 'ioredis';

/** A job's place in an index: by the time in its id, and by the rest of its id within a millisecond. */
export interface IndexPlace {
  id: string;
  createdMs: number;
}

export interface Walk {
  key: string;
  direction: 'older' | 'newer';
  /** Where to begin, behind this place; absent: at the end that the direction leads away from. */
  from?: IndexPlace | undefined;
  /** Only what was created after this time. */
  afterMs?: number | undefined;
  /** Only what was created before this time. */
  beforeMs?: number | undefined;
  /** How many places to read at first; doubles up to `chunkMax`. */
  chunk: number;
}

// One reply of this size keeps Redis busy for well under a millisecond.
const chunkMax = 500;

/** The places of an index in their order, chunk by chunk, while the index may change. */
export async function* walkIndex(redis: Redis, walk: Walk): AsyncGenerator<IndexPlace[]> {
  let { from } = walk;
  let chunk = Math.min(walk.chunk, chunkMax);
  // How many places of `from`'s own millisecond have been read in vain: more than a chunk can hold came before it.
  let passed = 0;
  for (;;) {
    const places = await callRedis(() => read(redis, { ...walk, from }, passed, chunk));
    const fresh = places.filter((place) => from === undefined || isBehind(place, from, walk.direction));
    if (fresh.length > 0) yield fresh;
    if (places.length < chunk) return;
    passed = fresh.length > 0 ? 0 : passed + chunk;
    from = fresh.at(-1) ?? from;
    chunk = Math.min(chunk * 2, chunkMax);
  }
}

async function read(redis: Redis, walk: Walk, offset: number, count: number): Promise<IndexPlace[]> {
  const [low, high] = boundsOf(walk);
  const flat =
    walk.direction === 'newer'
      ? await redis.zrange(walk.key, low, high, 'BYSCORE', 'LIMIT', offset, count, 'WITHSCORES')
      : await redis.zrange(walk.key, high, low, 'BYSCORE', 'REV', 'LIMIT', offset, count, 'WITHSCORES');
  return Array.from({ length: flat.length / 2 }, (_, index) => ({
    id: flat[2 * index] ?? '',
    createdMs: Number(flat[2 * index + 1]),
  }));
}

/** Lowest and highest score, as Redis spells them. */
function boundsOf({ direction, from, afterMs, beforeMs }: Walk): [string, string] {
  const low = direction === 'newer' && from && from.createdMs > (afterMs ?? 0) ? from.createdMs : undefined;
  const high = direction === 'older' && from && from.createdMs < (beforeMs ?? Infinity) ? from.createdMs : undefined;
  return [String(low ?? exclusive(afterMs) ?? '-inf'), String(high ?? exclusive(beforeMs) ?? '+inf')];
}

const exclusive = (ms: number | undefined) => (ms === undefined ? undefined : `(${ms}`);

function isBehind(place: IndexPlace, from: IndexPlace, direction: Walk['direction']): boolean {
  const isNewer = place.createdMs > from.createdMs || (place.createdMs === from.createdMs && place.id > from.id);
  return direction === 'newer' ? isNewer : !isNewer && place.id !== from.id;
}
