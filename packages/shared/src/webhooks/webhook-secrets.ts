import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { callRedis } from '../redis/call-redis.ts';
import { defineScript, loadLua } from '../redis/define-script.ts';
import type { Keys } from '../redis/keys.ts';

/** How long a secret signs on after it has been replaced, so that receivers can change over. */
export const overlapMs = 24 * 3600 * 1000;

/** Signing secrets of a tenant or of one of its endpoints, by its id. */
export interface WebhookSecrets {
  /** All that sign now, the current one first. It is made when there is none. */
  valid(ownerId: string): Promise<[string, ...string[]]>;
  /** Replaces the current one and gives its successor. */
  rotate(ownerId: string): Promise<string>;
  remove(ownerId: string): Promise<void>;
}

const makeSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

export function createWebhookSecrets(redis: Redis, keys: Keys): WebhookSecrets {
  const script = defineScript(redis, loadLua(import.meta.url, './webhook-secrets.lua'));
  const run = async (ownerId: string, action: 'valid' | 'rotate') =>
    (await script([keys.webhookSecret(ownerId)], [action, makeSecret(), overlapMs])) as [string, ...string[]];
  return {
    valid: (ownerId) => run(ownerId, 'valid'),
    rotate: async (ownerId) => (await run(ownerId, 'rotate'))[0],
    async remove(ownerId) {
      await callRedis(() => redis.del(keys.webhookSecret(ownerId)));
    },
  };
}
