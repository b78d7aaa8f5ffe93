import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import type { JobReader } from '../jobs/job-reader.ts';
import type { GenerationRequest } from './generation-request.ts';

/** How long after its acceptance a job can be found by the body that made it. */
export const attachableMs = 900_000;
// A result that nobody fetched in this time is not what a retry is about.
const fetchableMs = 120_000;

export interface AttachOptions {
  redis: Redis;
  keys: Keys;
  jobs: JobReader;
  laneQueues: Pick<LaneQueues, 'requeue'>;
}

/**
 * The job that a retry belongs to: the same tenant sent the same body to the same path within 15 minutes, and the
 * job still runs, or ended within two minutes and its result never reached a client. Official SDKs repeat a request
 * without any key, so this is what keeps their retries from buying the same generation twice.
 */
export function createAttacher({ redis, keys, jobs, laneQueues }: AttachOptions) {
  return async ({
    isRetry,
    idempotency,
    fingerprint,
    tenantId,
  }: Pick<GenerationRequest, 'isRetry' | 'idempotency' | 'fingerprint' | 'tenantId'>): Promise<string | undefined> => {
    // A key of its own says more exactly which request this is.
    if (!isRetry || idempotency) return undefined;
    const id = await callRedis(() => redis.get(keys.attach(fingerprint)));
    if (id === null) return undefined;
    const record = await jobs.find(tenantId, id);
    if (!record || !isAttachable(record, Date.now())) return undefined;
    // The process that wrote the record may have died before it had queued the job: nobody would ever run it.
    if (record.state === 'queued') await laneQueues.requeue(record.leader ?? id);
    return id;
  };
}

export type Attacher = ReturnType<typeof createAttacher>;

/**
 * Whether a retry may be given this job instead of a new one. A job that was stopped has nothing to give: most likely it
 * was stopped because this very client had gone.
 */
export function isAttachable(
  { state, finishedMs = 0, deliveredMs }: Pick<JobRecord, 'state' | 'finishedMs' | 'deliveredMs'>,
  nowMs: number,
): boolean {
  if (!isFinal(state)) return true;
  const isStopped = state === 'cancelled' || state === 'expired';
  return !isStopped && deliveredMs === undefined && nowMs - finishedMs < fetchableMs;
}
