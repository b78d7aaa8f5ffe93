import { z } from 'zod';
import { pricedAnswer } from '../contracts/answer.ts';
import { failure } from '../contracts/failure.ts';
import { generation } from '../contracts/generation.ts';
import { jobStates } from '../contracts/job.ts';
import { providerName } from '../contracts/provider-name.ts';
import { isStopReason } from '../lifecycle/stop-reasons.ts';
import { jobWebhook } from '../webhooks/job-webhook.ts';

const milliseconds = z.coerce.number().int().nonnegative();
const count = z.coerce.number().int().nonnegative();
const flag = z.literal('1').transform(() => true);
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
  /** The API key that asked for it; absent where none was needed. */
  key: z.string().optional(),
  /** The route that accepted the job, which decides the dialect of its result. */
  endpoint: z.string(),
  lane: providerName,
  /** The model as the client named it. */
  model: z.string(),
  /** Our id of the resolved model, such as `openai/gpt-4o`. */
  target: z.string(),
  /** Ids of the models that are asked where that one fails, in order. */
  fallbacks: json(z.array(z.string())).optional(),
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
  /** 1 is the first to be served, 10 the last. */
  priority: z.coerce.number().int().min(1).max(10).default(5),
  /** BullMQ's priority, which the tag of the lane's fair queue came to at acceptance. */
  queuePriority: z.coerce.number().int().positive().default(1),
  /** Place in the virtual time of the lane. */
  tag: count.default(0),
  /** Not to begin before this time. */
  delayedUntilMs: milliseconds.optional(),
  /** Waits for its time or its owner's word before it takes a place in its lane. */
  parked: flag.optional(),
  /** It is the owner's word that it waits for. */
  held: flag.optional(),
  startDeadlineMs: milliseconds.optional(),
  deadlineMs: milliseconds.optional(),
  resultTtlMs: milliseconds.default(86_400_000),
  /** Its first reader wants the text as it comes. */
  stream: flag.optional(),
  /** Its first reader cannot take text back: a run that has given out text may not be followed by another. */
  unrepeatable: flag.optional(),
  /** A run of such a job was lost after it had given out text. */
  interrupted: flag.optional(),
  /** One of many in a batch, and priced as such. */
  batch: flag.optional(),
  /** The client wants to find it in the list of its stored completions. */
  stored: flag.optional(),
  /** What becomes of the job when its readers leave; only a job that somebody waited for from the start cares. */
  onDisconnect: z.enum(['continue', 'cancel']).default('continue'),
  /** How long such a job may be without a reader; absent for one that needs none. */
  graceMs: milliseconds.optional(),
  /** Since when the last reader that said good-bye has been gone. */
  unreadMs: milliseconds.optional(),
  /** The client's own name for the job. */
  customId: z.string().optional(),
  webhook: json(jobWebhook).optional(),
  /** Digest of the Idempotency-Key that is bound to the job. */
  idempotency: z.string().optional(),
  /** The job whose provider call this one shares. */
  leader: z.string().optional(),
  /** Another job or the cache has paid for the answer. */
  free: flag.optional(),
  /** The answer came from the cache. */
  cached: flag.optional(),
  /** A leader that ended while others still wanted its answer: its call goes on for them. */
  detached: flag.optional(),
  /** Why the job shall stop. */
  stop: z.string().refine(isStopReason).optional(),
  cancelRequestedMs: milliseconds.optional(),
  /** Number of the last provider call that was begun for it. */
  calls: count.default(0),
  /** Number of the last entry in the log. */
  sequence: count.default(0),
  /** That number at the job's end: what comes later in a shared log is not about it. */
  endSequence: count.optional(),
  /** Characters of text given out so far by the attempt that runs. */
  chars: count.default(0),
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
  Partial<
    Record<
      | 'key'
      | 'fallbacks'
      | 'cacheDigest'
      | 'cacheTtlMs'
      | 'cacheNamespace'
      | 'priority'
      | 'resultTtlMs'
      | 'onDisconnect'
      | 'graceMs'
      | 'customId'
      | 'webhook'
      | 'held'
      | 'stream'
      | 'unrepeatable'
      | 'batch'
      | 'stored',
      string
    >
  >;

/** Undefined for an empty hash, which is how Redis answers for a key that is not there. */
export function parseJobRecord(hash: Record<string, string>): JobRecord | undefined {
  return Object.keys(hash).length === 0 ? undefined : jobRecord.parse(hash);
}
