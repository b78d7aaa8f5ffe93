import { type GenerationJob, generationJob } from '../contracts/job.ts';
import { type ProviderName, providerNames } from '../contracts/provider-name.ts';
import { defineQueue, type QueueContract } from './define-queue.ts';

/**
 * A lane is one queue per provider: a provider that hangs or throttles cannot starve the others, and workers are
 * scaled per lane.
 */
export const lanes = providerNames;

export type Lane = ProviderName;

export const isLane = (name: string): name is Lane => (lanes as readonly string[]).includes(name);

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
