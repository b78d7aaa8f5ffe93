import type { FastifyReply, FastifyRequest } from 'fastify';
import { header } from './header.ts';

/** Puts the entity tag on the reply. True when the client holds this version already and needs no body. */
export function isNotModified(request: FastifyRequest, reply: FastifyReply, etag: string): boolean {
  reply.header('etag', etag);
  const held = (header(request, 'if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return held.includes(etag) || held.includes('*');
}

/** Without a body and without its length, which a serialised null has. */
export const sendNotModified = (reply: FastifyReply): FastifyReply => reply.code(304).send();
