import { z } from 'zod';

export const finalStates = ['completed', 'incomplete', 'failed', 'cancelled', 'expired'] as const;
export const jobStates = ['queued', 'in_progress', ...finalStates] as const;

export type FinalState = (typeof finalStates)[number];
export type JobState = (typeof jobStates)[number];

/** True for the five states that a job never leaves. */
export const isFinal = (state: JobState): state is FinalState => (finalStates as readonly string[]).includes(state);

/**
 * What travels on the queue: ids only. Prompt, answer and state live in the job's record, so that a waiting job
 * costs Redis about 0.9 KB whatever its prompt, and BullMQ's event stream never carries an answer.
 */
export const generationJob = z.object({
  // A worker leaves a job of a version that it does not know to one that does: one of version 1 knows no followers, one
  // of version 2 nothing but text, no fallbacks, and no body that travels as it came.
  v: z.literal([1, 2, 3]),
  id: z.string().startsWith('job_'),
  /** The request id of the HTTP request, carried to the provider call for tracing. */
  requestId: z.string(),
});

export type GenerationJob = z.infer<typeof generationJob>;
