import type { FastifyReply, FastifyRequest } from 'fastify';
import { isCommand } from '../../http/from-elsewhere.ts';

/** An `onResponse` hook: who has changed what of keys, tenants and budgets, for whoever has to find out later. */
export async function logChanges(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!isCommand(request) || reply.statusCode >= 400) return;
  const { keyId, role, tenantId } = request.caller;
  const location = reply.getHeader('location');
  request.log.info(
    {
      event: 'admin_change',
      by: keyId ?? role,
      tenant_id: tenantId,
      method: request.method,
      // A new thing has its id in its address; no other part of a request or an answer is told.
      path: typeof location === 'string' ? location : request.url.split('?')[0],
      status: reply.statusCode,
    },
    'an administrator has changed something',
  );
}
