import { keysLua } from './keys-lua.ts';

/**
 * Every key's spelling, for TypeScript here and for scripts in `keys-lua.ts`. All keys carry one hash tag, so that a
 * Redis Cluster keeps them in one slot and every script may touch all it needs in one atomic step: the end of a job
 * writes record, log, cache, usage, indexes and notices at once.
 */
export interface Keys {
  /** BullMQ's own prefix: its keys are `<queuePrefix>:<queue>:…`. */
  queuePrefix: string;
  /** Lua functions `K.<name>(…)` that spell the same keys; put before every script that makes keys of ids it reads. */
  lua: string;
  job(id: string): string;
  /** Instances to wake when the job ends, by the time until which each is known to read it. */
  readers(id: string): string;
  /** Pub/sub channel on which one API instance hears of ended jobs. */
  wakeChannel(instanceId: string): string;
  /** What happened to a job, entry by entry: a Redis Stream whose ids are our own sequence numbers. */
  log(id: string): string;
  /** Pub/sub channel that carries the entries of a log as they are written. */
  logChannel(id: string): string;
  /** Jobs that share the provider call of this one. */
  followers(id: string): string;
  /** The job in flight whose answer an equal request may share. */
  flight(digest: string): string;
  /** The job that an Idempotency-Key is bound to. */
  idempotency(digest: string): string;
  /** That a job of this id was there, after its record has expired. */
  gone(id: string): string;
  /** Jobs by the time at which something has to be done about them: a deadline, a reader that left, expiry. */
  due: string;
  /** Jobs that a script has made ready for a lane and that have yet to be added to it. */
  unqueued: string;
  /** Jobs of a lane that wait for a time or for their owner's word before they take a place in it. */
  parked(lane: string): string;
  /** Pub/sub channel on which workers hear that a job shall stop. */
  control: string;
  /** Virtual time of a lane, for fair shares. */
  fairClock(lane: string): string;
  /** Finish tags of the flows of a lane. */
  fairFlows(lane: string): string;
  /** Ids of a tenant's jobs by the time of their creation: all, or those of a user, of a model or in a state. */
  jobIndex(tenantId: string, kind: JobIndexKind, value?: string): string;
  /** Last job of a request body, for retries that carry no idempotency key. */
  attach(fingerprint: string): string;
  limit(subject: string, window: string): string;
  cacheEntry(digest: string): string;
  cacheIndex: string;
  /** The cache in figures: of a tenant, or of all. */
  cacheStats(tenantId?: string): string;
  /** Rows of the ledger on their way to Postgres: a Redis Stream. */
  ledger: string;
  /** Rows that Postgres would not take. */
  ledgerRefused: string;
  /** What somebody has spent, and has reserved, in a period: `total`, a UTC month (`2026-11`) or day (`2026-11-24`). */
  spend(subject: string, period: string): string;
  /** An API key's record. */
  apiKey(id: string): string;
  /** The key that a secret belongs to, by the secret's SHA-256 in hex. */
  apiKeyDigest(digest: string): string;
  /** Ids of a tenant's keys by the time of their creation. */
  apiKeys(tenantId: string): string;
  /** All tenants, by id. */
  tenants: string;
  /** Ids of tenants that were removed. */
  tenantsGone: string;
  /** What is set for single users of a tenant, by user id. */
  tenantUsers(tenantId: string): string;
  workers: string;
  lanes: string;
  laneModes: string;
  /** Hash: what each lane's provider can be sent as it came, by lane. */
  laneApis: string;
  /** Events that webhooks have yet to be made of. */
  webhookOutbox: string;
  /** A tenant's registered endpoints, by id. */
  webhookEndpoints(tenantId: string): string;
  /** Signing secrets of a tenant or of a registered endpoint. */
  webhookSecret(ownerId: string): string;
  /** One delivery to one address, with its attempts. */
  webhookDelivery(id: string): string;
  /** The deliveries of a job or of a registered endpoint. */
  webhookDeliveries(ownerId: string): string;
}

/** `open`: neither ended nor expired. */
export type JobIndexKind = 'all' | 'user' | 'model' | 'open' | 'state';

export function createKeys(prefix: string): Keys {
  const tag = `{${prefix}}`;
  return {
    queuePrefix: `${tag}:queue`,
    lua: keysLua(tag),
    job: (id) => `${tag}:job:${id}`,
    readers: (id) => `${tag}:readers:${id}`,
    wakeChannel: (instanceId) => `${tag}:wake:${instanceId}`,
    log: (id) => `${tag}:log:${id}`,
    logChannel: (id) => `${tag}:log-channel:${id}`,
    followers: (id) => `${tag}:followers:${id}`,
    flight: (digest) => `${tag}:flight:${digest}`,
    idempotency: (digest) => `${tag}:idempotency:${digest}`,
    gone: (id) => `${tag}:gone:${id}`,
    due: `${tag}:due`,
    unqueued: `${tag}:unqueued`,
    parked: (lane) => `${tag}:parked:${lane}`,
    control: `${tag}:control`,
    fairClock: (lane) => `${tag}:fair-clock:${lane}`,
    fairFlows: (lane) => `${tag}:fair-flows:${lane}`,
    // User ids and models are free text: they are encoded, so that none can spell another index's key.
    jobIndex: (tenantId, kind, value = '') => `${tag}:jobs:${tenantId}:${kind}:${encodeURIComponent(value)}`,
    attach: (fingerprint) => `${tag}:attach:${fingerprint}`,
    limit: (subject, window) => `${tag}:limit:${window}:${subject}`,
    cacheEntry: (digest) => `${tag}:cache:${digest}`,
    cacheIndex: `${tag}:cache-index`,
    cacheStats: (tenantId) => `${tag}:cache-stats${tenantId === undefined ? '' : `:${tenantId}`}`,
    ledger: `${tag}:ledger`,
    ledgerRefused: `${tag}:ledger-refused`,
    spend: (subject, period) => `${tag}:spend:${period}:${subject}`,
    apiKey: (id) => `${tag}:api-key:${id}`,
    apiKeyDigest: (digest) => `${tag}:api-key-digest:${digest}`,
    apiKeys: (tenantId) => `${tag}:api-keys:${tenantId}`,
    tenants: `${tag}:tenants`,
    tenantsGone: `${tag}:tenants-gone`,
    tenantUsers: (tenantId) => `${tag}:tenant-users:${tenantId}`,
    workers: `${tag}:workers`,
    lanes: `${tag}:lanes`,
    laneModes: `${tag}:lane-modes`,
    laneApis: `${tag}:lane-apis`,
    webhookOutbox: `${tag}:webhook-outbox`,
    webhookEndpoints: (tenantId) => `${tag}:webhook-endpoints:${tenantId}`,
    webhookSecret: (ownerId) => `${tag}:webhook-secret:${ownerId}`,
    webhookDelivery: (id) => `${tag}:webhook-delivery:${id}`,
    webhookDeliveries: (ownerId) => `${tag}:webhook-deliveries:${ownerId}`,
  };
}
