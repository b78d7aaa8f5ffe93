import type { FastifyReply } from 'fastify';

/**
 * Calls back when the connection of a request is closed, be it after its answer. One that was closed already, while the
 * request was decided upon, tells no more: then at once.
 */
export function onClientGone(reply: FastifyReply, gone: () => void): void {
  if (reply.raw.destroyed) gone();
  else reply.raw.once('close', gone);
}
