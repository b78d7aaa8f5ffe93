import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { FastifyReply } from 'fastify';
import type { Redis } from 'ioredis';

/**
 * Notes on the record that its result has reached a client in full, so that a later retry of an equal body is a new
 * request. Nobody waits for it: a note that is lost makes at worst one retry get the same answer again.
 */
export function createDeliveryMarker(redis: Redis, keys: Keys) {
  const markScript = defineScript(redis, loadLua(import.meta.url, './mark-delivered.lua'));

  return (reply: FastifyReply, id: string): void => {
    // HEAD is answered by the route of GET, without the body that would deliver something.
    if (reply.request.method === 'HEAD') return;
    reply.raw.once('finish', () => {
      markScript([keys.job(id)], []).catch(() => undefined);
    });
  };
}

export type DeliveryMarker = ReturnType<typeof createDeliveryMarker>;
