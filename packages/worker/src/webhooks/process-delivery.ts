import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import type { WebhookJob } from '@llm-gateway/shared/queue/webhook-queue';
import type { DeliveryOutcome, WebhookDeliveries } from '@llm-gateway/shared/webhooks/webhook-deliveries';
import type { WebhookDelivery } from '@llm-gateway/shared/webhooks/webhook-delivery';
import type { WebhookEndpoints } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import type { WebhookSecrets } from '@llm-gateway/shared/webhooks/webhook-secrets';
import { webhookUrlFault } from '@llm-gateway/shared/webhooks/webhook-url';
import type { Dispatcher } from 'undici';
import { type Posted, postWebhook } from './post-webhook.ts';
import { pauseAfter } from './schedule.ts';
import { signedHeaders } from './sign.ts';

export interface DeliveryDeps {
  deliveries: Pick<WebhookDeliveries, 'find' | 'record'>;
  endpoints: Pick<WebhookEndpoints, 'find' | 'change'>;
  secrets: Pick<WebhookSecrets, 'valid'>;
  metrics: Pick<Metrics, 'webhookDeliveries'>;
  log: Logger;
  /** Sends; what it resolves and connects to is its to check. */
  agent: Dispatcher;
  isInsecureAllowed: boolean;
  timeoutMs: number;
  retryBaseMs: number;
}

/** What the queue is to do: nothing more, another attempt, or take note that there is none. */
export type DeliveryStep = { kind: 'done' } | { kind: 'retry'; delayMs: number } | { kind: 'failed' };

/** Makes one attempt at a delivery and records it. Throws when it was given up or could not be recorded. */
export async function processDelivery(
  { id, round }: WebhookJob,
  attempt: number,
  deps: DeliveryDeps,
  signal: AbortSignal,
): Promise<DeliveryStep> {
  const found = await deps.deliveries.find(id);
  // Expired, ended, or sent anew by its owner since.
  if (found?.status !== 'pending' || found.round !== round) return { kind: 'done' };

  const { delivery, refusal } = await address(found, deps);
  const atMs = Date.now();
  const posted = refusal === undefined ? await post(delivery, deps, signal) : notSent(refusal);
  const step = stepAfter(attempt, posted, refusal !== undefined, deps);
  if (posted.status === 410 && delivery.endpoint !== undefined) {
    await deps.endpoints.change(delivery.tenant, delivery.endpoint, { disabled: true });
  }
  const { status, latencyMs, error } = posted;
  await deps.deliveries.record(id, delivery, { atMs, status, latencyMs, error }, outcomeOf(step));
  report(id, delivery, { attempt, step, error }, deps);
  return step;
}

interface Addressed {
  delivery: WebhookDelivery;
  /** Why it must not be sent, now or ever. */
  refusal?: string | undefined;
}

/** The delivery with the address that it has now. */
async function address(delivery: WebhookDelivery, { endpoints, isInsecureAllowed }: DeliveryDeps): Promise<Addressed> {
  let { url } = delivery;
  if (delivery.endpoint !== undefined) {
    const endpoint = await endpoints.find(delivery.tenant, delivery.endpoint);
    if (!endpoint) return { delivery, refusal: 'the endpoint has been deleted' };
    if (endpoint.disabled) return { delivery, refusal: 'the endpoint is disabled' };
    url = endpoint.url;
  }
  const fault = webhookUrlFault(url, isInsecureAllowed);
  return { delivery: { ...delivery, url }, refusal: fault && `the URL ${fault}` };
}

const notSent = (error: string): Posted => ({ status: null, latencyMs: 0, error });

async function post(
  { url, tenant, endpoint, secret, event, body }: WebhookDelivery,
  { secrets, agent, timeoutMs }: DeliveryDeps,
  signal: AbortSignal,
): Promise<Posted> {
  const signers = secret === undefined ? await secrets.valid(endpoint ?? tenant) : [secret];
  const headers = signedHeaders({ eventId: event, body }, signers, new Date());
  return postWebhook({ url, headers, body }, { agent, timeoutMs, signal });
}

function stepAfter(attempt: number, posted: Posted, isRefused: boolean, { retryBaseMs }: DeliveryDeps): DeliveryStep {
  if (posted.error === null) return { kind: 'done' };
  // 410 is a receiver's word that it is gone for good.
  if (isRefused || posted.status === 410) return { kind: 'failed' };
  const delayMs = pauseAfter(attempt, {
    baseMs: retryBaseMs,
    retryAfterMs: posted.retryAfterMs,
    random: Math.random(),
  });
  return delayMs === undefined ? { kind: 'failed' } : { kind: 'retry', delayMs };
}

function outcomeOf(step: DeliveryStep): DeliveryOutcome {
  if (step.kind === 'retry') return { status: 'pending', nextMs: Date.now() + step.delayMs };
  return { status: step.kind === 'done' ? 'delivered' : 'failed' };
}

const outcomes = { done: 'delivered', retry: 'retried', failed: 'failed' } as const;

/** Logs and counts an attempt. No address: receivers put secrets into theirs. */
function report(
  id: string,
  { job, endpoint, type }: WebhookDelivery,
  { attempt, step, error }: { attempt: number; step: DeliveryStep; error: string | null },
  { log, metrics }: DeliveryDeps,
): void {
  metrics.webhookDeliveries.inc({ outcome: outcomes[step.kind] });
  const about = { delivery_id: id, job_id: job, endpoint_id: endpoint, type, attempt, error };
  if (step.kind === 'failed') log.warn({ event: 'webhook_failed', ...about }, 'a webhook could not be delivered');
  else log.debug({ event: `webhook_${outcomes[step.kind]}`, ...about }, 'attempt to deliver a webhook');
}
