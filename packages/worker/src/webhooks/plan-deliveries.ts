import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { finalEvents, type WebhookEvent, type WebhookWishes } from '@llm-gateway/shared/webhooks/job-webhook';
import { digestOf, type NewDelivery } from '@llm-gateway/shared/webhooks/webhook-delivery';
import type { WebhookEndpoint } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import { jobPayload } from './payload.ts';

/** What a script of the job's life has left for webhooks. */
export interface OutboxEntry {
  /** Of the stream, which gives it once. */
  entryId: string;
  jobId: string;
  type: WebhookEvent;
  atMs: number;
}

/** Who is to be told what of an outbox entry. The same entry always comes to the same deliveries with the same ids. */
export function planDeliveries(entry: OutboxEntry, record: JobRecord, endpoints: WebhookEndpoint[]): NewDelivery[] {
  const { jobId, atMs } = entry;
  const { tenant, webhook } = record;
  const enabled = endpoints.filter(({ disabled }) => !disabled);
  return eventsOf(entry, record).flatMap((type) => {
    const event = `evt_${digestOf(jobId, type, entry.entryId)}`;
    const deliveryTo = (wishes: Pick<WebhookWishes, 'include'> & { url: string }): NewDelivery => ({
      tenant,
      job: jobId,
      event,
      type,
      url: wishes.url,
      body: jobPayload({ jobId, record, eventId: event, type, atMs }, wishes),
    });
    return [
      ...(webhook && isWanted(type, webhook) ? [{ ...deliveryTo(webhook), secret: webhook.secret }] : []),
      ...enabled
        .filter((endpoint) => isWanted(type, endpoint))
        .map((endpoint) => ({ ...deliveryTo(endpoint), endpoint: endpoint.id })),
    ];
  });
}

const isWanted = (type: WebhookEvent, { events = [...finalEvents] }: { events?: readonly string[] | undefined }) =>
  events.includes(type);

/** What an entry is in the words of all its readers: the end of a background response is told in OpenAI's too. */
function eventsOf({ type }: OutboxEntry, { endpoint, state, graceMs }: JobRecord): WebhookEvent[] {
  const isBackground = graceMs === undefined;
  if (endpoint !== '/v1/responses' || !isBackground || type === 'job.started' || !isFinal(state)) return [type];
  // OpenAI knows no expired response.
  return [type, `response.${state === 'expired' ? 'failed' : state}`];
}
