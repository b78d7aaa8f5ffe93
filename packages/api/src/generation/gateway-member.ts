import { z } from 'zod';
import type { QueueOptions } from '../admission/generation-request.ts';
import type { CacheOptions } from '../http/cache-control.ts';
import {
  deadlineMember,
  defaultPriority,
  metadataMember,
  onDisconnectMember,
  priorityMember,
  toJobWebhook,
  webhookMember,
} from './job-members.ts';

const cacheMember = z.object({
  ttl: z.int().min(0).max(31_536_000).optional(),
  max_age: z.int().min(0).optional(),
  mode: z.enum(['on', 'off']).optional(),
  namespace: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters')
    .optional(),
});

/** What a client that can send no headers says to the gateway, in a body of any dialect. It goes no further. */
export const gatewayMember = z.object({
  cache: cacheMember.optional(),
  webhook: webhookMember.optional(),
  priority: priorityMember.optional(),
  deadline_s: deadlineMember.optional(),
  on_disconnect: onDisconnectMember.optional(),
  metadata: metadataMember.optional(),
});

export type GatewayMember = z.output<typeof gatewayMember>;

/** The body's say on the cache, which yields to the headers'. */
export function toCacheOptions(gateway: GatewayMember | undefined): CacheOptions {
  const { ttl, max_age, mode, namespace } = gateway?.cache ?? {};
  return { ttlS: ttl, maxAgeS: max_age, mode, namespace };
}

/** The body's say on how the job is queued, which yields to the headers'. A webhook may also stand outside of it. */
export function toQueueOptions(
  gateway: GatewayMember = {},
  webhook?: z.output<typeof webhookMember> | undefined,
): QueueOptions {
  const target = webhook ?? gateway.webhook;
  return {
    priority: gateway.priority ?? defaultPriority,
    onDisconnect: gateway.on_disconnect ?? 'continue',
    ...(gateway.deadline_s === undefined ? {} : { deadlineMs: gateway.deadline_s * 1000 }),
    ...(target === undefined ? {} : { webhook: toJobWebhook(target) }),
    ...(webhook === undefined && gateway.webhook !== undefined ? { webhookField: '/gateway/webhook' } : {}),
  };
}
