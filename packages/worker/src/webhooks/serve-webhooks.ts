import { type OpenOptions, openWorker } from '@llm-gateway/shared/queue/define-queue';
import { type WebhookJob, webhookQueue } from '@llm-gateway/shared/queue/webhook-queue';
import { type Job, UnrecoverableError, WaitingError, type Worker } from 'bullmq';
import type { InHand } from '../in-hand.ts';
import { type LockOptions, leaveAlone, lockSettings, RetryLater, reportErrors } from '../queue-worker.ts';
import { type DeliveryDeps, processDelivery } from './process-delivery.ts';

export interface ServeWebhooksOptions extends OpenOptions, LockOptions {
  inHand: InHand;
  /** Fires when this process must let go of what it has not finished. */
  draining: AbortSignal;
}

// Attempts in flight of one process. They cost next to nothing while a receiver thinks.
const concurrency = 100;

/** Serves the queue of webhooks. */
export function serveWebhooks(options: ServeWebhooksOptions, deps: DeliveryDeps): Worker {
  const { connection, prefix, inHand, draining } = options;
  const worker = openWorker(
    webhookQueue,
    { connection, prefix, concurrency, ...lockSettings(options) },
    (payload, { job, token }) => inHand.track(() => attempt(payload, job, token)),
    leaveAlone,
  );
  reportErrors(worker, deps.log);
  return worker;

  async function attempt(payload: WebhookJob, job: Job, token: string): Promise<void> {
    const step = await processDelivery(payload, job.attemptsMade + 1, deps, draining).catch(async (error: unknown) => {
      if (draining.aborted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      deps.log.error(
        { event: 'webhook_abandoned', delivery_id: payload.id, err: error },
        'an attempt was not recorded',
      );
      return leaveAlone(job, token);
    });
    if (step.kind === 'retry') throw new RetryLater(step.delayMs);
    if (step.kind === 'failed') throw new UnrecoverableError('failed; see the delivery record');
  }
}
