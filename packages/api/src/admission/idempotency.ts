import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import type { JobReader } from '../jobs/job-reader.ts';
import type { GenerationRequest } from './generation-request.ts';

export interface IdempotencyOptions {
  redis: Redis;
  keys: Keys;
  jobs: JobReader;
  laneQueues: Pick<LaneQueues, 'requeue'>;
}

/** The job that a key is bound to, and whether it had ended by now. */
export interface Bound {
  id: string;
  isFinished: boolean;
}

export const keyReused = () =>
  new GatewayError({
    code: 'idempotency_key_reused',
    field: 'idempotency-key',
    detail: 'The Idempotency-Key was used for another request within the last 24 hours; take a new one.',
  });

/**
 * What an Idempotency-Key says before anything else is decided: nothing, or which job the request is. Acceptance decides
 * once more, in one step with the binding, so that of a hundred at once one is first.
 * Throws `idempotency_key_reused`, `idempotency_in_flight` and `result_expired`.
 */
export function createIdempotency({ redis, keys, jobs, laneQueues }: IdempotencyOptions) {
  return {
    async find(request: GenerationRequest): Promise<Bound | undefined> {
      const { idempotency, fingerprint } = request;
      if (!idempotency) return undefined;
      const [bound, id] = await callRedis(() =>
        redis.hmget(keys.idempotency(idempotency.digest), 'fingerprint', 'job'),
      );
      if (!bound || !id) return undefined;
      if (bound !== fingerprint) throw keyReused();
      return this.look(request, id);
    },

    /** The state of a job that the request's key is bound to. */
    async look({ tenantId, idempotency }: GenerationRequest, id: string): Promise<Bound> {
      const record = await jobs.find(tenantId, id);
      if (!record) {
        throw new GatewayError({
          code: 'result_expired',
          detail: `The Idempotency-Key belongs to ${id}, whose result is no longer kept.`,
        });
      }
      const isFinished = isFinal(record.state);
      if (!isFinished && idempotency?.isStrict) {
        throw new GatewayError({
          code: 'idempotency_in_flight',
          detail: `The first request under this Idempotency-Key is still in progress, as ${id}.`,
          retryAfterMs: 1000,
        });
      }
      // The process that wrote the record may have died before it had queued the job: nobody would ever run it.
      if (record.state === 'queued') await laneQueues.requeue(record.leader ?? id);
      return { id, isFinished };
    },
  };
}

export type Idempotency = ReturnType<typeof createIdempotency>;
