import { invalidField, invalidHeader } from '../http/invalid-field.ts';
import type { Webhooks } from '../webhooks/create-webhooks.ts';
import type { GenerationRequest } from './generation-request.ts';

/** Refuses a job whose webhook could never be sent. Throws `invalid_request`, or `malformed_request` for a header. */
export function checkWebhook(
  { queue: { webhook, webhookField = '/webhook' } }: GenerationRequest,
  { urlFault }: Pick<Webhooks, 'urlFault'>,
): void {
  const fault = webhook && urlFault(webhook.url);
  if (fault === undefined) return;
  throw webhookField.startsWith('/') ? invalidField(webhookField, fault) : invalidHeader(webhookField, fault);
}
