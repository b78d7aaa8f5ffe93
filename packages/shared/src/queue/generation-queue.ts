import { type GenerationJob, generationJob } from '../contracts/job.ts';
import { isProviderName, type ProviderName } from '../contracts/provider-name.ts';
import { defineQueue, type QueueContract } from './define-queue.ts';

/**
 * A lane is one queue per provider: a provider that hangs or throttles cannot starve the others, and workers are
 * scaled per lane. Which ones there are is told by what workers announce.
 */
export type Lane = ProviderName;

/** Whether a lane may be called so. */
export const isLane = isProviderName;

/** So many lanes a process opens at most: each holds a queue, and its name comes from outside. */
export const lanesMax = 100;

export interface RetryPolicy {
  attempts: number;
  baseDelayMs: number;
}

/** Named here and carried out by the worker's `backoffStrategy`, which lets a provider's Retry-After overrule it. */
export const backoffType = 'gateway';

/** The queue of a lane. Finished jobs are kept for Bull Board only, so their number is bounded. */
export const generationQueue = (lane: Lane, retry: RetryPolicy): QueueContract<GenerationJob> =>
  defineQueue({
    name: `generation-${lane}`,
    payload: generationJob,
    jobOptions: {
      attempts: retry.attempts,
      backoff: { type: backoffType, delay: retry.baseDelayMs },
      removeOnComplete: { age: 3600, count: 1000 },
      removeOnFail: { age: 86_400, count: 5000 },
      stackTraceLimit: 0,
    },
  });
