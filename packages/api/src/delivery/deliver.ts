import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { draining } from '../http/draining.ts';
import type { JobReader } from '../jobs/job-reader.ts';
import type { Wait } from './waiter.ts';

/** How the client wants the result of a job that is under way. */
export interface DeliveryWish {
  /** Whether a job that is not done in time may be answered with its id instead of an error. */
  acceptsAsync: boolean;
  waitMs: number;
}

/** The result of a job that has ended, or the job for a client that will come back for it. */
export interface Delivery {
  kind: 'result' | 'accepted';
  record: JobRecord;
}

/**
 * The choice between the ways to take a result; the work is the same for all. A wait that runs out is an error that
 * an SDK retries, and its retry finds the same job: the work goes on and is paid for once.
 * Throws `sync_wait_exceeded`, `draining`, `result_expired` and `dependency_down`.
 */
export async function deliver(
  tenantId: string,
  id: string,
  wait: Wait | undefined,
  { acceptsAsync, waitMs }: DeliveryWish,
  jobs: JobReader,
): Promise<Delivery> {
  const end = await wait?.end(waitMs);
  const record = await jobs.find(tenantId, id);
  if (!record) throw gone(id, wait !== undefined);
  if (wait === undefined) return { kind: 'accepted', record };
  if (isFinal(record.state)) return { kind: 'result', record };
  if (acceptsAsync) return { kind: 'accepted', record };
  if (end === 'draining') throw draining(id);
  throw new GatewayError({
    code: 'sync_wait_exceeded',
    detail: `Job ${id} did not finish within ${waitMs / 1000} s and goes on.`,
    retryAfterMs: 50,
  });
}

/** A record that goes while somebody waits for it is that of a job whose acceptance was taken back. */
const gone = (id: string, isWaitedFor: boolean) =>
  isWaitedFor
    ? new GatewayError({ code: 'dependency_down', detail: 'The job could not be queued.', retryAfterMs: 1000 })
    : new GatewayError({ code: 'result_expired', detail: `The result of ${id} is no longer kept.` });
