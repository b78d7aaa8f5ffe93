import { setTimeout as pause } from 'node:timers/promises';
import { parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import { throttle } from '@llm-gateway/shared/observability/throttle';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import { webhookEvents } from '@llm-gateway/shared/webhooks/job-webhook';
import type { WebhookDeliveries } from '@llm-gateway/shared/webhooks/webhook-deliveries';
import type { WebhookEndpoints } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import { z } from 'zod';
import { createOutbox, type OutboxOptions, type RawEntry } from './outbox.ts';
import { planDeliveries } from './plan-deliveries.ts';

export interface DispatcherOptions extends Omit<OutboxOptions, 'claimAfterMs'> {
  claimAfterMs?: number;
  endpoints: Pick<WebhookEndpoints, 'list'>;
  deliveries: Pick<WebhookDeliveries, 'create'>;
  metrics: Pick<Metrics, 'webhookDeliveries'>;
  log: Logger;
}

export interface Dispatcher {
  /** Takes no more entries and resolves when those in hand are done with, or soon. Ends the reader's connection. */
  close(): Promise<void>;
}

const errorPauseMs = 1000;
// With Redis away an entry in hand is never done with; it stays in the outbox.
const closeMs = 1000;
// What could not be sent on for so long never will be.
const keptMs = 24 * 3600 * 1000;

const entryFields = z.object({ job: z.string(), type: z.enum(webhookEvents), t: z.coerce.number() });

/**
 * Makes deliveries of what is in the outbox. An entry leaves it when all its deliveries are on their way; a crash before
 * that makes another process do it again, which changes nothing.
 */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { log, reader, claimAfterMs = 10_000 } = options;
  const outbox = createOutbox({ ...options, claimAfterMs });
  const report = throttle(10_000, (error: unknown, skipped: number) =>
    log.error({ event: 'webhook_dispatch_error', err: error, skipped }, 'webhooks were not sent; it is tried again'),
  );

  /** One that fails is taken again later, by this process or by one of a version that can read it. */
  async function dispatchOrLeave(entry: RawEntry): Promise<void> {
    const [entryId] = entry;
    try {
      await dispatch(entry, options);
      await outbox.remove(entryId);
    } catch (error) {
      report(error);
      if (Number(entryId.split('-')[0]) < Date.now() - keptMs) await outbox.remove(entryId);
    }
  }

  let isClosing = false;
  async function run(): Promise<void> {
    await outbox.open();
    while (!isClosing) {
      await Promise.all((await outbox.take()).map(dispatchOrLeave));
    }
  }

  /** Whatever goes wrong, from the start again: a Redis that has lost its data has to be opened anew. */
  async function runOn(): Promise<void> {
    while (!isClosing) {
      await run().catch((error: unknown) => isClosing || report(error));
      if (!isClosing) await pause(errorPauseMs);
    }
  }

  const ended = runOn();
  return {
    async close() {
      isClosing = true;
      reader.disconnect();
      await Promise.race([ended, pause(closeMs, undefined, { ref: false })]);
    },
  };
}

async function dispatch(
  [entryId, fields]: RawEntry,
  { redis, keys, endpoints, deliveries, metrics }: DispatcherOptions,
): Promise<void> {
  const { job: jobId, type, t: atMs } = entryFields.parse(pairsToHash(fields));
  const record = parseJobRecord(await redis.hgetall(keys.job(jobId)));
  if (!record) return metrics.webhookDeliveries.inc({ outcome: 'expired' });
  const planned = planDeliveries({ entryId, jobId, type, atMs }, record, await endpoints.list(record.tenant));
  for (const delivery of planned) await deliveries.create(delivery);
}
