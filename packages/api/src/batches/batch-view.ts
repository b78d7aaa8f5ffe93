import { z } from 'zod';
import type { Batch } from './batch.ts';

const time = z.int().nullable().describe('Unix seconds');

const batchError = z.object({
  code: z.string(),
  line: z.int().nullable(),
  message: z.string(),
  param: z.string().nullable(),
});

export const batchView = z
  .object({
    id: z.string(),
    object: z.literal('batch'),
    endpoint: z.string(),
    errors: z.object({ object: z.literal('list'), data: z.array(batchError) }).nullable(),
    input_file_id: z.string(),
    completion_window: z.literal('24h'),
    status: z.string(),
    output_file_id: z.string().nullable(),
    error_file_id: z.string().nullable(),
    created_at: z.int(),
    in_progress_at: time,
    expires_at: z.int(),
    finalizing_at: time,
    completed_at: time,
    failed_at: time,
    expired_at: time,
    cancelling_at: time,
    cancelled_at: time,
    request_counts: z.object({ total: z.int(), completed: z.int(), failed: z.int() }),
    metadata: z.record(z.string(), z.string()).nullable(),
    usage: z.object({
      input_tokens: z.int(),
      input_tokens_details: z.object({ cached_tokens: z.int() }),
      output_tokens: z.int(),
      output_tokens_details: z.object({ reasoning_tokens: z.int() }),
      total_tokens: z.int(),
    }),
  })
  .meta({ id: 'Batch' });

const unixSeconds = (at: Date) => Math.floor(at.getTime() / 1000);
const orNull = (at: Date | null) => at && unixSeconds(at);

/** A batch as OpenAI's clients read it. Whatever has no answer counts as failed: all that the error file has. */
export function viewBatch(batch: Batch): z.input<typeof batchView> {
  const { status, ended_at, errors, metadata } = batch;
  const endedAs = (one: Batch['status']) => (status === one ? orNull(ended_at) : null);
  const [input, output] = [Number(batch.input_tokens), Number(batch.output_tokens)];
  return {
    id: batch.id,
    object: 'batch',
    endpoint: batch.endpoint,
    errors: errors === null ? null : { object: 'list', data: JSON.parse(errors) },
    input_file_id: batch.input_file ?? '',
    completion_window: '24h',
    status,
    output_file_id: batch.output_file,
    error_file_id: batch.error_file,
    created_at: unixSeconds(batch.created_at),
    in_progress_at: orNull(batch.in_progress_at),
    expires_at: unixSeconds(batch.expires_at),
    finalizing_at: orNull(batch.finalizing_at),
    completed_at: endedAs('completed'),
    failed_at: endedAs('failed'),
    expired_at: endedAs('expired'),
    cancelling_at: orNull(batch.cancelling_at),
    cancelled_at: endedAs('cancelled'),
    request_counts: {
      total: batch.total,
      completed: batch.completed,
      failed: batch.failed + batch.cancelled + batch.expired,
    },
    metadata: metadata === null ? null : JSON.parse(metadata),
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: Number(batch.cached_tokens) },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: Number(batch.reasoning_tokens) },
      total_tokens: input + output,
    },
  };
}
