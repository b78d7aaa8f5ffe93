import type { ServerResponse } from 'node:http';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

/**
 * Notes on the record that its result has reached a client in full, so that a later retry of an equal body is a new
 * request. Nobody waits for it: a note that is lost makes at worst one retry get the same answer again.
 */
export function createDeliveryMarker(redis: Redis, keys: Keys) {
  return (response: ServerResponse, id: string): void => {
    response.once('finish', () => {
      redis.hset(keys.job(id), 'deliveredMs', Date.now()).catch(() => undefined);
    });
  };
}

export type DeliveryMarker = ReturnType<typeof createDeliveryMarker>;
