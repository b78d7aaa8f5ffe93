import { parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { events, type Logger } from '@llm-gateway/shared/observability/logger';
import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import { throttle } from '@llm-gateway/shared/observability/throttle';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import { webhookEvents } from '@llm-gateway/shared/webhooks/job-webhook';
import type { WebhookDeliveries } from '@llm-gateway/shared/webhooks/webhook-deliveries';
import type { NewDelivery } from '@llm-gateway/shared/webhooks/webhook-delivery';
import type { WebhookEndpoints } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type Follower, followOutbox } from '../outbox/follow-outbox.ts';
import type { Outbox, RawEntry } from '../outbox/outbox.ts';
import { batchEntry, planBatchDeliveries } from './plan-batch-deliveries.ts';
import { type BudgetEntry, budgetData, budgetEntry, planBudgetDeliveries } from './plan-budget-deliveries.ts';
import { planDeliveries } from './plan-deliveries.ts';

export interface DispatcherOptions {
  redis: Redis;
  /** A connection of its own, because reading blocks it. */
  reader: Redis;
  keys: Keys;
  /** How long an entry is left to the process that took it before that is taken for dead. */
  claimAfterMs?: number;
  endpoints: Pick<WebhookEndpoints, 'list'>;
  deliveries: Pick<WebhookDeliveries, 'create'>;
  metrics: Pick<Metrics, 'webhookDeliveries' | 'budgetEvents'>;
  log: Logger;
}

// What could not be sent on for so long never will be.
const keptMs = 24 * 3600 * 1000;

const jobEntry = z.object({ job: z.string(), type: z.enum(webhookEvents), t: z.coerce.number() });
const entryFields = z.union([jobEntry, batchEntry, budgetEntry]);

/**
 * Makes deliveries of what is in the outbox. An entry leaves it when all its deliveries are on their way; a crash before
 * that makes another process do it again, which changes nothing.
 */
export function startDispatcher(options: DispatcherOptions): Follower {
  const { redis, reader, keys, claimAfterMs = 10_000, log } = options;
  const report = throttle(10_000, (error: unknown, skipped: number) =>
    log.error({ event: 'webhook_dispatch_error', err: error, skipped }, 'webhooks were not sent; it is tried again'),
  );

  /** One that fails is taken again later, by this process or by one of a version that can read it. */
  async function dispatchOrLeave(entry: RawEntry, outbox: Outbox): Promise<void> {
    const [entryId] = entry;
    try {
      await dispatch(entry, options);
      await outbox.remove(entryId);
    } catch (error) {
      report(error);
      if (Number(entryId.split('-')[0]) < Date.now() - keptMs) await outbox.remove(entryId);
    }
  }

  return followOutbox({
    redis,
    reader,
    stream: keys.webhookOutbox,
    group: 'dispatch',
    batch: 50,
    claimAfterMs,
    handle: (entries, outbox) => Promise.all(entries.map((entry) => dispatchOrLeave(entry, outbox))),
    onError: report,
  });
}

async function dispatch([entryId, fields]: RawEntry, options: DispatcherOptions): Promise<void> {
  const entry = entryFields.parse(pairsToHash(fields));
  for (const delivery of await plan(entryId, entry, options)) await options.deliveries.create(delivery);
}

async function plan(
  entryId: string,
  entry: z.output<typeof entryFields>,
  options: DispatcherOptions,
): Promise<NewDelivery[]> {
  if ('job' in entry) return planJob(entryId, entry, options);
  if ('batch' in entry) return planBatchDeliveries(entry, await options.endpoints.list(entry.tenant));
  return planBudget(entryId, entry, options);
}

async function planJob(
  entryId: string,
  { job: jobId, type, t: atMs }: z.output<typeof jobEntry>,
  { redis, keys, endpoints, metrics }: DispatcherOptions,
): Promise<NewDelivery[]> {
  const record = parseJobRecord(await redis.hgetall(keys.job(jobId)));
  if (!record) {
    metrics.webhookDeliveries.inc({ outcome: 'expired' });
    return [];
  }
  return planDeliveries({ entryId, jobId, type, atMs }, record, await endpoints.list(record.tenant));
}

async function planBudget(
  entryId: string,
  entry: BudgetEntry,
  { endpoints, metrics, log }: DispatcherOptions,
): Promise<NewDelivery[]> {
  if (entry.type === 'budget.exceeded') {
    log.warn({ event: events.budgetExceeded, ...budgetData(entry) }, 'a budget has refused a generation');
  } else {
    log.warn({ event: events.budgetThreshold, ...budgetData(entry) }, 'a budget is used up to a threshold');
  }
  metrics.budgetEvents.inc({ type: entry.type });
  return planBudgetDeliveries(entryId, entry, await endpoints.list(entry.tenant));
}
