import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Translator } from '../delivery/event-frames.ts';
import type { StreamManner } from '../delivery/stream-connections.ts';
import type { Dialect } from '../http/dialect.ts';
import type { JobReader } from '../jobs/job-reader.ts';
import type { AskedBody } from './asked-body.ts';

/** By the neutral form's pointer, the one of the dialect. */
export type FieldNames = Readonly<Record<string, string>>;

/**
 * What is particular to one route that generates. Everything else (admission, delivery, jobs, batches) is the same for
 * all of them, and asks here.
 */
export interface GenerationEndpoint {
  /** Its path, by which records name it. */
  path: string;
  dialect: Dialect;
  /** What a body has to be like. */
  body: z.ZodType;
  /** A body that has passed the schema. Throws `invalid_request` for what a schema cannot say. */
  read(body: unknown): AskedBody;
  /** What has to be looked up before a body means something to a provider. Throws for what is not there. */
  prepare?(asked: AskedBody, caller: Caller, jobs: JobReader): Promise<AskedBody>;
  /** The 200 body for a job that has an answer; `latencyMs` is what it took for who waited, else what the job took. */
  toResult(id: string, record: JobRecord, latencyMs?: number): object;
  /** The 200 body for a job that its body asked to run in the background; absent: such a job is a 202 as any other. */
  toAccepted?(id: string, record: JobRecord): object;
  /** Makes the events of a job's stream, for one reader; `body` is what this reader has sent, if it has sent one. */
  translate(id: string, record: JobRecord, body?: unknown): Translator;
  manner: StreamManner;
  /** Headers of the client's that mean something to a provider that speaks the dialect, and are sent to it. */
  providerHeaders?: readonly string[];
  /** What a refusal of the model's limits calls the neutral form's fields in this dialect: `/max_tokens` and the like. */
  fieldNames?: FieldNames | ((body: unknown) => FieldNames);
}

/** An endpoint, with its body typed by its schema. */
export const defineEndpoint = <Schema extends z.ZodType>({
  read,
  ...endpoint
}: Omit<GenerationEndpoint, 'body' | 'read'> & {
  body: Schema;
  read: (body: z.output<Schema>) => AskedBody;
}): GenerationEndpoint => ({ ...endpoint, read: (body) => read(body as z.output<Schema>) });
