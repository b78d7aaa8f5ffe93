import type { FastifyRequest } from 'fastify';
import { header } from './header.ts';
import { invalidField } from './invalid-field.ts';

// A client that sends one of these counts on what it asks for. It is told no before anything is accepted.
const unoffered = [
  'idempotency-key',
  'x-gateway-webhook',
  'x-gateway-priority',
  'x-gateway-deadline',
  'x-gateway-start-deadline',
];

/** Throws `invalid_request` for a request header whose promise this version does not keep. */
export function refuseUnofferedHeaders(request: Pick<FastifyRequest, 'headers'>): void {
  const found = unoffered.find((name) => header(request, name) !== undefined);
  const onDisconnect = header(request, 'x-gateway-on-disconnect');
  const field =
    found ?? (onDisconnect !== undefined && onDisconnect !== 'continue' ? 'x-gateway-on-disconnect' : undefined);
  if (field === undefined) return;
  throw invalidField(field, 'is not offered by this version; leave the header out');
}
