import type { GenerationJob } from '../contracts/job.ts';
import type { QueueContract } from './define-queue.ts';
import { generationQueue, type Lane, lanes, type RetryPolicy } from './generation-queue.ts';

/** Every queue there is. Producers, workers, Bull Board, metrics and drain read this list and no other. */
export const allQueues = (retry: RetryPolicy): { lane: Lane; contract: QueueContract<GenerationJob> }[] =>
  lanes.map((lane) => ({ lane, contract: generationQueue(lane, retry) }));
