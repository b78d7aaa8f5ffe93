import { type JobWebhook, webhookEvents } from '@llm-gateway/shared/webhooks/job-webhook';
import { z } from 'zod';
import { deadlineMaxS } from '../http/queue-options.ts';

export const defaultPriority = 5;

export const priorityMember = z.int().min(1).max(10).describe('1 is served first, 10 last; 5 if absent');

export const deadlineMember = z.int().min(1).max(deadlineMaxS).describe('Seconds from acceptance');

export const onDisconnectMember = z.enum(['continue', 'cancel']);

export const metadataMember = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'must have at most 16 pairs')
  .refine(
    (pairs) =>
      Object.entries(pairs)
        .flat()
        .every((text) => text.isWellFormed()),
    'must be well-formed Unicode',
  );

const webhookUrl = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }).max(2048);

/** As Standard Webhooks writes them; what is not quite base64 could not sign. */
function isSecret(text: string): boolean {
  const encoded = /^whsec_(.{32,88})$/.exec(text)?.[1] ?? '';
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === encoded;
}

export const webhookEventsMember = z.array(z.enum(webhookEvents)).min(1).max(webhookEvents.length);

export const webhookIncludeMember = z.array(z.enum(['result'])).max(1);

/** Where to tell of a job's end: an address, or an address with wishes. */
export const webhookMember = z.union(
  [
    webhookUrl,
    z.object({
      url: webhookUrl,
      events: webhookEventsMember.optional().describe('All that end a job if absent'),
      secret: z
        .string()
        .refine(isSecret, 'must be whsec_ and 24 to 64 bytes in base64')
        .optional()
        .describe("The tenant's own secret signs if absent"),
      include: webhookIncludeMember.optional(),
    }),
  ],
  'must be a URL or an object with one',
);

export const toJobWebhook = (member: z.output<typeof webhookMember>): JobWebhook =>
  typeof member === 'string' ? { url: member } : member;
