import type { Logger } from '@llm-gateway/shared/observability/logger';
import { throttle } from '@llm-gateway/shared/observability/throttle';
import { DelayedError, type Job, type Worker } from 'bullmq';

/*
 * What the workers of all queues have in common: our own code decides when a job runs again, and BullMQ is told.
 */

// For a job that this worker cannot run now: one that can may come, or Redis may take writes again.
const leftAlonePauseMs = 5000;

/** Carries the pause before the next attempt to BullMQ's backoff strategy. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly delayMs: number;

  constructor(delayMs: number) {
    super('attempt failed; another follows');
    this.delayMs = delayMs;
  }
}

export interface LockOptions {
  lockDurationMs: number;
  stalledIntervalMs: number;
}

/** BullMQ's `settings` for a worker whose handler throws RetryLater. */
const retrySettings = {
  backoffStrategy: (_attempts: number, _type: string | undefined, error: Error | undefined) =>
    error instanceof RetryLater ? error.delayMs : 0,
};

/** How every worker treats a lock, and the job of one that lost it. */
export const lockSettings = ({ lockDurationMs, stalledIntervalMs }: LockOptions) => ({
  lockDuration: lockDurationMs,
  stalledInterval: stalledIntervalMs,
  // Our own records count what was lost and decide; BullMQ's limit would fail the innocent neighbours of a poison job.
  maxStalledCount: 1_000_000,
  runRetryDelay: 1000,
  settings: retrySettings,
});

/** Puts a job off for a while without using up one of its attempts. */
export async function leaveAlone(job: Job, token: string): Promise<never> {
  await job.moveToDelayed(Date.now() + leftAlonePauseMs, token);
  throw new DelayedError();
}

/** Logs a worker's errors, at most one line a second. */
export function reportErrors(worker: Worker, log: Logger): void {
  const report = throttle(1000, (error: Error, skipped: number) =>
    log.error({ event: 'queue_error', queue: worker.name, error: error.message, skipped }, 'queue error'),
  );
  worker.on('error', report);
}
