import { z } from 'zod';
import { delta } from './content.ts';
import { nativeApi } from './native-body.ts';

/** An answer in its provider's own terms, as far as it has come. */
const native = z.object({ api: nativeApi, body: z.record(z.string(), z.unknown()) });

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
    /** The same of an answer that is more than text, or that a provider gave in the client's own dialect. */
    type: z.literal('delta'),
    /** Absent of an event without a word of the model's. */
    delta: delta.optional(),
    /**
     * What the provider sent, event by event, each as its JSON: for readers who speak its dialect. Empty, not absent,
     * where it comes with a later event of the same write.
     */
    frames: z.array(z.string()).optional(),
    /** In place of frames, for an answer that was not streamed to us. */
    native: native.optional(),
  }),
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
  /** All that was said so far, in place of the entries before it, which are no longer kept. */
  z.object({
    type: z.literal('snapshot'),
    text: z.string(),
    /** Absent where it is the text alone. */
    deltas: z.array(delta).optional(),
    native: native.optional(),
  }),
]);

export type JobEvent = z.infer<typeof jobEvent>;

/** An entry of a job's log: its number, when it was written, and what happened. */
export interface LogEntry {
  sequence: number;
  atMs: number;
  event: JobEvent;
}
