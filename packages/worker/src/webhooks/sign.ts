import { Webhook } from 'standardwebhooks';

export interface Signable {
  eventId: string;
  /** The exact bytes that are sent. */
  body: string;
}

/** The headers of Standard Webhooks for an attempt at this time, with a signature by every secret that is valid now. */
export const signedHeaders = ({ eventId, body }: Signable, secrets: readonly string[], now: Date) => ({
  'webhook-id': eventId,
  'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
  'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(eventId, now, body)).join(' '),
});
