import type { GenerationJob } from '../contracts/job.ts';
import type { QueueContract } from './define-queue.ts';
import { generationQueue, type Lane, lanes, type RetryPolicy } from './generation-queue.ts';

/** The queues of all lanes. Producers, workers and metrics read this list and no other; webhooks have `webhookQueue`. */
export const allQueues = (retry: RetryPolicy): { lane: Lane; contract: QueueContract<GenerationJob> }[] =>
  lanes.map((lane) => ({ lane, contract: generationQueue(lane, retry) }));
