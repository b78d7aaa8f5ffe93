import { createHash } from 'node:crypto';
import { z } from 'zod';

const attempts = z.array(
  z.object({
    atMs: z.number().int(),
    /** What the receiver answered; null when it did not. */
    status: z.number().int().nullable(),
    latencyMs: z.number().int(),
    error: z.string().nullable(),
  }),
);

const milliseconds = z.coerce.number().int().nonnegative();

/** One event on its way to one address, as its Redis hash keeps it. */
export const webhookDelivery = z.object({
  tenant: z.string(),
  /** Absent for a test. */
  job: z.string().optional(),
  /** The registered endpoint that it is for; absent: the job's own address. */
  endpoint: z.string().optional(),
  event: z.string(),
  type: z.string(),
  url: z.string(),
  /** The job's own signing secret. */
  secret: z.string().optional(),
  body: z.string(),
  createdMs: milliseconds,
  status: z.enum(['pending', 'delivered', 'failed']),
  /** Counts how often it has been sent on its way; an order of an earlier time is void. */
  round: z.coerce.number().int().nonnegative(),
  /** The last ones, oldest first. */
  attempts: z
    .string()
    .transform((text) => JSON.parse(text) as unknown)
    .pipe(attempts),
  nextMs: milliseconds.optional(),
});

export type WebhookDelivery = z.infer<typeof webhookDelivery>;
export type WebhookAttempt = WebhookDelivery['attempts'][number];

/** What is known of a delivery before it is on its way. */
export type NewDelivery = Pick<WebhookDelivery, 'tenant' | 'event' | 'type' | 'url' | 'body'> & {
  job?: string | undefined;
  endpoint?: string | undefined;
  secret?: string | undefined;
};

/** The same event to the same address has the same id: making it again, after a crash, makes nothing new. */
export const deliveryIdOf = ({ event, endpoint = '' }: Pick<NewDelivery, 'event' | 'endpoint'>): string =>
  `dlv_${digestOf(event, endpoint)}`;

/** 128 bits of a digest, in hexadecimal. */
export const digestOf = (...parts: string[]): string =>
  createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 32);
