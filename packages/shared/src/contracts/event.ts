import { z } from 'zod';

/**
 * What is written to a job's log while it runs. Acceptance and end are not among it: the record tells them, so that
 * they cannot disagree with it.
 */
export const jobEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('started'),
    attempt: z.number().int().positive(),
    provider: z.string(),
    model: z.string(),
  }),
  z.object({ type: z.literal('text-delta'), text: z.string() }),
  z.object({
    type: z.literal('retrying'),
    /** The attempt that follows. */
    attempt: z.number().int().positive(),
    afterMs: z.number().int().nonnegative(),
    /** A failure's code, or what else made an end of the attempt before. */
    reason: z.string(),
    /** Whether text has been given out that the next attempt will write anew. */
    reset: z.boolean(),
  }),
  /** All text so far, in place of the entries before it, which are no longer kept. */
  z.object({ type: z.literal('snapshot'), text: z.string() }),
]);

export type JobEvent = z.infer<typeof jobEvent>;

/** An entry of a job's log: its number, when it was written, and what happened. */
export interface LogEntry {
  sequence: number;
  atMs: number;
  event: JobEvent;
}
