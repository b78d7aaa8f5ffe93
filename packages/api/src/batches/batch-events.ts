import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import type { Batch } from './batch.ts';

/** Tells webhooks of a batch's end. Telling it again, after a crash, changes nothing for who has heard it. */
export type BatchEvents = (batch: Batch) => Promise<void>;

export function createBatchEvents(redis: Redis, keys: Keys): BatchEvents {
  return async (batch) => {
    const { id, tenant, kind, status, ended_at } = batch;
    const type = kind === 'anthropic' ? 'message_batch.ended' : `batch.${status}`;
    const atMs = (ended_at ?? new Date()).getTime();
    await callRedis(() =>
      redis.xadd(keys.webhookOutbox, '*', 'type', type, 'tenant', tenant, 'batch', id, 't', String(atMs)),
    );
  };
}
