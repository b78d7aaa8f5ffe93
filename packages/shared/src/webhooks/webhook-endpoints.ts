import type { Redis } from 'ioredis';
import { z } from 'zod';
import { callRedis } from '../redis/call-redis.ts';
import { createFieldChange } from '../redis/change-field.ts';
import { defineScript } from '../redis/define-script.ts';
import type { Keys } from '../redis/keys.ts';
import { endpointEvents, webhookWishes } from './job-webhook.ts';

/** An address that is told of all jobs of a tenant, and of its batches and budgets. */
const webhookEndpoint = webhookWishes.extend({
  /** Absent: all that end a job or a batch, and all of budgets. */
  events: z.array(z.enum(endpointEvents)).optional(),
  id: z.string(),
  url: z.string(),
  description: z.string(),
  disabled: z.boolean(),
  createdMs: z.number().int().nonnegative(),
});

export type WebhookEndpoint = z.infer<typeof webhookEndpoint>;

export interface WebhookEndpoints {
  /** All of a tenant, oldest first. */
  list(tenantId: string): Promise<WebhookEndpoint[]>;
  find(tenantId: string, id: string): Promise<WebhookEndpoint | undefined>;
  /** Whether there was room for it among `countMax`. */
  add(tenantId: string, endpoint: WebhookEndpoint, countMax: number): Promise<boolean>;
  /** Gives the changed endpoint; undefined when it is not there (any more). */
  change(tenantId: string, id: string, changes: EndpointChanges): Promise<WebhookEndpoint | undefined>;
  /** Whether it was there. */
  remove(tenantId: string, id: string): Promise<boolean>;
}

/** An undefined member stays as it is. */
export type EndpointChanges = { [Member in keyof WebhookEndpoint]?: WebhookEndpoint[Member] | undefined };

// Counted in the step that adds: of many that come at once, no more get in than there is room for.
const addLua = `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`;

export function createWebhookEndpoints(redis: Redis, keys: Keys): WebhookEndpoints {
  const insert = defineScript(redis, addLua);
  const changeField = createFieldChange(redis);
  const read = (tenantId: string, id: string) => callRedis(() => redis.hget(keys.webhookEndpoints(tenantId), id));
  const parse = (text: string) => webhookEndpoint.parse(JSON.parse(text));

  return {
    async list(tenantId) {
      const texts = await callRedis(() => redis.hvals(keys.webhookEndpoints(tenantId)));
      return texts.map(parse).sort((left, right) => (left.id < right.id ? -1 : 1));
    },
    async find(tenantId, id) {
      const text = await read(tenantId, id);
      return text === null ? undefined : parse(text);
    },
    async add(tenantId, endpoint, countMax) {
      const args = [endpoint.id, JSON.stringify(endpoint), countMax];
      return (await insert([keys.webhookEndpoints(tenantId)], args)) === 1;
    },
    async change(tenantId, id, changes) {
      const wanted = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      const after = await changeField(keys.webhookEndpoints(tenantId), id, (before) =>
        before === null ? undefined : JSON.stringify({ ...parse(before), ...wanted }),
      );
      return after === undefined ? undefined : parse(after);
    },
    async remove(tenantId, id) {
      return (await callRedis(() => redis.hdel(keys.webhookEndpoints(tenantId), id))) === 1;
    },
  };
}
