import { LRUCache } from 'lru-cache';

export interface RecordCache<Value> {
  /** What is known by a name, no older than the cache's time; undefined is asked for anew. */
  get(name: string): Promise<Value | undefined>;
  /** To be called after every change that this process makes. */
  drop(name: string): void;
}

export interface RecordCacheOptions<Value> {
  read: (name: string) => Promise<Value | undefined>;
  /** 0 reads for every call. */
  ttlMs: number;
  entriesMax?: number;
}

/**
 * Records that every request needs and that seldom change. Names that are looked for at once are read once, and their
 * time counts from the beginning of the read. What is kept is the reading, not what it found: a reading that was under
 * way when its record was dropped answers those who had asked by then, and nobody after.
 */
export function createRecordCache<Value>({
  read,
  ttlMs,
  entriesMax = 10_000,
}: RecordCacheOptions<Value>): RecordCache<Value> {
  if (ttlMs === 0) return { get: read, drop: () => undefined };
  const readings = new LRUCache<string, Promise<Value | undefined>>({ max: entriesMax, ttl: ttlMs });

  function begin(name: string): Promise<Value | undefined> {
    const reading = read(name);
    readings.set(name, reading);
    const forget = () => {
      if (readings.peek(name) === reading) readings.delete(name);
    };
    reading.then((found) => found === undefined && forget(), forget);
    return reading;
  }

  return {
    get: (name) => readings.get(name) ?? begin(name),
    drop: (name) => void readings.delete(name),
  };
}
