import type { Webhooks } from './create-webhooks.ts';

export interface LastDelivery {
  id: string;
  status: 'pending' | 'delivered' | 'failed';
  /** ISO time of its last attempt; null before the first. */
  at: string | null;
}

/** The newest webhook delivery of a job, as its view shows it; null when there is none. */
export async function lastDelivery(
  jobId: string,
  { deliveries }: Pick<Webhooks, 'deliveries'>,
): Promise<LastDelivery | null> {
  const [newest] = await deliveries.list(jobId, 1);
  if (!newest) return null;
  const [id, { status, attempts }] = newest;
  const attempt = attempts.at(-1);
  return { id, status, at: attempt ? new Date(attempt.atMs).toISOString() : null };
}
