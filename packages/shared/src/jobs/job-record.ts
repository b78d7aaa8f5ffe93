import { z } from 'zod';
import { pricedAnswer } from '../contracts/answer.ts';
import { failure } from '../contracts/failure.ts';
import { generation } from '../contracts/generation.ts';
import { jobStates } from '../contracts/job.ts';
import { lanes } from '../queue/generation-queue.ts';

const milliseconds = z.coerce.number().int().nonnegative();
const json = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);

/**
 * One Redis hash per job holds all there is to know of it, so that every step of its life is one atomic write and
 * its end one expiry. BullMQ's own job is transport: it is never read for state or answer.
 */
export const jobRecord = z.object({
  v: z.literal('1'),
  state: z.enum(jobStates),
  tenant: z.string(),
  user: z.string(),
  /** The route that accepted the job, which decides the dialect of its result. */
  endpoint: z.string(),
  lane: z.enum(lanes),
  /** The model as the client named it. */
  model: z.string(),
  /** Our id of the resolved model, such as `openai/gpt-4o`. */
  target: z.string(),
  /** Request id of the HTTP request that was accepted. */
  request: z.string(),
  /** The `request_id` of the body, which /v1/generate gives back. */
  clientRequest: z.string(),
  generation: json(generation),
  metadata: json(z.record(z.string(), z.string())),
  maxAttempts: z.coerce.number().int().positive(),
  attempt: z.coerce.number().int().nonnegative(),
  createdMs: milliseconds,
  startedMs: milliseconds.optional(),
  finishedMs: milliseconds.optional(),
  expiresMs: milliseconds.optional(),
  answer: json(pricedAnswer).optional(),
  failure: json(failure).optional(),
  /** Where the answer may be kept for equal requests; absent when the client forbade it. */
  cacheDigest: z.string().optional(),
  cacheTtlMs: milliseconds.optional(),
  cacheNamespace: z.string().optional(),
  /** When an answer to a waiting client was sent in full. */
  deliveredMs: milliseconds.optional(),
});

export type JobRecord = z.infer<typeof jobRecord>;

/** What acceptance writes; the rest is written by later steps. Values as Redis keeps them. */
export type NewJobFields = Record<
  | 'tenant'
  | 'user'
  | 'endpoint'
  | 'lane'
  | 'model'
  | 'target'
  | 'request'
  | 'clientRequest'
  | 'generation'
  | 'metadata'
  | 'maxAttempts',
  string
> &
  Partial<Record<'cacheDigest' | 'cacheTtlMs' | 'cacheNamespace', string>>;

/** Undefined for an empty hash, which is how Redis answers for a key that is not there. */
export function parseJobRecord(hash: Record<string, string>): JobRecord | undefined {
  return Object.keys(hash).length === 0 ? undefined : jobRecord.parse(hash);
}
