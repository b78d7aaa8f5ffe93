import type { ConnectionOptions, Job, JobsOptions, WorkerOptions } from 'bullmq';
import { Queue, Worker } from 'bullmq';
import type { z } from 'zod';

export interface QueueContract<Payload> {
  name: string;
  payload: z.ZodType<Payload>;
  jobOptions: JobsOptions;
}

/** A queue as one value: both the producer and the worker are opened from it, so they cannot drift apart. */
export const defineQueue = <Payload>(contract: QueueContract<Payload>): QueueContract<Payload> => contract;

export interface OpenOptions {
  connection: ConnectionOptions;
  /** Prefix of BullMQ's keys (`keys.queuePrefix`). */
  prefix: string;
}

/** The producing end. `add` validates before it writes; adding the same id again changes nothing. */
export function openProducer<Payload>(contract: QueueContract<Payload>, { connection, prefix }: OpenOptions) {
  const queue = new Queue(contract.name, { connection, prefix, skipVersionCheck: true });
  // A queue repeats the errors of its connection, which reports them itself; without a listener they would be thrown.
  queue.on('error', () => undefined);
  return {
    queue,
    async add(id: string, payload: Payload, options: JobsOptions = {}): Promise<void> {
      await queue.add(contract.name, contract.payload.parse(payload), {
        ...contract.jobOptions,
        ...options,
        jobId: id,
      });
    },
  };
}

export type Producer<Payload> = ReturnType<typeof openProducer<Payload>>;

export type Handle<Payload> = (
  payload: Payload,
  context: { job: Job; token: string; signal: AbortSignal },
) => Promise<void>;

/**
 * The consuming end. A payload that this version cannot read is refused before the handler runs: `onUnreadable`
 * decides what becomes of it.
 */
export function openWorker<Payload>(
  contract: QueueContract<Payload>,
  { connection, prefix, ...options }: OpenOptions & Omit<WorkerOptions, 'connection' | 'prefix'>,
  handle: Handle<Payload>,
  onUnreadable: (job: Job, token: string) => Promise<never>,
): Worker {
  return new Worker(
    contract.name,
    async (job, token, signal) => {
      if (token === undefined || signal === undefined) throw new Error('BullMQ gave no token or no signal');
      const parsed = contract.payload.safeParse(job.data);
      if (!parsed.success) return onUnreadable(job, token);
      await handle(parsed.data, { job, token, signal });
    },
    { ...options, connection, prefix, skipVersionCheck: true },
  );
}
