/**
 * Every key's spelling. All keys carry one hash tag, so that a Redis Cluster keeps them in one slot and every
 * script may touch all it needs in one atomic step: settlement writes record, cache, usage and notices at once.
 */
export interface Keys {
  /** BullMQ's own prefix: its keys are `<queuePrefix>:<queue>:…`. */
  queuePrefix: string;
  job(id: string): string;
  /** Instances to wake when the job ends. */
  waiters(id: string): string;
  /** Pub/sub channel on which one API instance hears of ended jobs. */
  wakeChannel(instanceId: string): string;
  /** Last job of a request body, for retries that carry no idempotency key. */
  attach(fingerprint: string): string;
  limit(subject: string, window: string): string;
  cacheEntry(digest: string): string;
  cacheIndex: string;
  cacheStats: string;
  usage(scope: UsageScope): string;
  workers: string;
  lanes: string;
  laneModes: string;
}

/** Counters of one tenant or one of its users; for all time, or for one UTC day (`2026-11-23`). */
export interface UsageScope {
  tenantId: string;
  userId?: string | undefined;
  day?: string | undefined;
}

export function createKeys(prefix: string): Keys {
  const tag = `{${prefix}}`;
  return {
    queuePrefix: `${tag}:queue`,
    job: (id) => `${tag}:job:${id}`,
    waiters: (id) => `${tag}:waiters:${id}`,
    wakeChannel: (instanceId) => `${tag}:wake:${instanceId}`,
    attach: (fingerprint) => `${tag}:attach:${fingerprint}`,
    limit: (subject, window) => `${tag}:limit:${window}:${subject}`,
    cacheEntry: (digest) => `${tag}:cache:${digest}`,
    cacheIndex: `${tag}:cache-index`,
    cacheStats: `${tag}:cache-stats`,
    usage: ({ tenantId, userId, day }) =>
      // The user id is free text: it is encoded, so that no id can spell another scope's key.
      `${tag}:usage:${tenantId}:${day ?? 'total'}:${userId === undefined ? 'all' : `user:${encodeURIComponent(userId)}`}`,
    workers: `${tag}:workers`,
    lanes: `${tag}:lanes`,
    laneModes: `${tag}:lane-modes`,
  };
}
