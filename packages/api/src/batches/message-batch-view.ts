import { z } from 'zod';
import { type Batch, hasEnded } from './batch.ts';

const time = z.iso.datetime().nullable();
const count = z.int();

export const messageBatchView = z
  .object({
    id: z.string(),
    type: z.literal('message_batch'),
    processing_status: z.enum(['in_progress', 'canceling', 'ended']),
    request_counts: z.object({
      processing: count,
      succeeded: count,
      errored: count,
      canceled: count,
      expired: count,
    }),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    ended_at: time,
    cancel_initiated_at: time,
    archived_at: time,
    results_url: z.string().nullable(),
  })
  .meta({ id: 'MessageBatch' });

const orNull = (at: Date | null) => at?.toISOString() ?? null;

/** A batch as Anthropic's clients read it: until it has ended, all of its requests count as in processing. */
export function viewMessageBatch(batch: Batch, publicUrl = ''): z.input<typeof messageBatchView> {
  const isEnded = hasEnded(batch);
  const { completed, failed, cancelled, expired } = batch;
  return {
    id: batch.id,
    type: 'message_batch',
    processing_status: isEnded ? 'ended' : batch.status === 'cancelling' ? 'canceling' : 'in_progress',
    request_counts: isEnded
      ? { processing: 0, succeeded: completed, errored: failed, canceled: cancelled, expired }
      : { processing: batch.total, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    created_at: batch.created_at.toISOString(),
    expires_at: batch.expires_at.toISOString(),
    ended_at: orNull(batch.ended_at),
    cancel_initiated_at: orNull(batch.cancelling_at),
    archived_at: orNull(batch.archived_at),
    results_url: isEnded && batch.archived_at === null ? `${publicUrl}/v1/messages/batches/${batch.id}/results` : null,
  };
}
