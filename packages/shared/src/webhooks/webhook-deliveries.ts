import type { Redis } from 'ioredis';
import type { Producer } from '../queue/define-queue.ts';
import type { WebhookJob } from '../queue/webhook-queue.ts';
import { withTimeout } from '../queue/with-timeout.ts';
import { callRedis } from '../redis/call-redis.ts';
import { defineScript, loadLua } from '../redis/define-script.ts';
import type { Keys } from '../redis/keys.ts';
import {
  deliveryIdOf,
  type NewDelivery,
  type WebhookAttempt,
  type WebhookDelivery,
  webhookDelivery,
} from './webhook-delivery.ts';

export interface WebhookDeliveries {
  /** Puts a delivery on record and on its way, and gives its id. Doing so again changes nothing. */
  create(delivery: NewDelivery): Promise<string>;
  find(id: string): Promise<WebhookDelivery | undefined>;
  /** The deliveries of a job or of an endpoint, newest first, with their ids. */
  list(ownerId: string, countMax: number): Promise<[id: string, delivery: WebhookDelivery][]>;
  /** Sends it once more, now, whatever became of it. False when it is no longer kept. */
  redeliver(id: string): Promise<boolean>;
  /** Records an attempt and what it came to. An attempt of an earlier round is not heard. */
  record(id: string, before: WebhookDelivery, attempt: WebhookAttempt, outcome: DeliveryOutcome): Promise<void>;
}

export type DeliveryOutcome = { status: 'delivered' | 'failed' } | { status: 'pending'; nextMs: number };

export interface WebhookDeliveriesOptions {
  redis: Redis;
  keys: Keys;
  producer: Pick<Producer<WebhookJob>, 'add'>;
}

const keptMs = 7 * 24 * 3600 * 1000;
const attemptsMax = 30;
const addTimeoutMs = 2000;

/** All throw `dependency_down` where Redis is out of reach. */
export function createWebhookDeliveries({ redis, keys, producer }: WebhookDeliveriesOptions): WebhookDeliveries {
  const createScript = defineScript(redis, loadLua(import.meta.url, './create-delivery.lua'));
  const changeScript = defineScript(redis, loadLua(import.meta.url, './change-delivery.lua'));

  const keysOf = (id: string, { job, endpoint }: Pick<NewDelivery, 'job' | 'endpoint'>) => [
    keys.webhookDelivery(id),
    ...[job, endpoint].filter((owner) => owner !== undefined).map(keys.webhookDeliveries),
  ];

  const queue = (id: string, round: number) =>
    callRedis(() => withTimeout(producer.add(`${id}-${round}`, { v: 1, id, round }), addTimeoutMs));

  async function find(id: string): Promise<WebhookDelivery | undefined> {
    const hash = await callRedis(() => redis.hgetall(keys.webhookDelivery(id)));
    return Object.keys(hash).length === 0 ? undefined : webhookDelivery.parse(hash);
  }

  async function change(id: string, before: WebhookDelivery, fields: Record<string, string | number>) {
    const args = [before.round, keptMs, ...Object.entries(fields).flat()];
    return (await changeScript(keysOf(id, before), args)) === 1;
  }

  return {
    find,
    async create(delivery) {
      const id = deliveryIdOf(delivery);
      const given = Object.entries(delivery).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const fields = [...given.flat(), 'status', 'pending', 'round', 0, 'attempts', '[]'];
      await createScript(keysOf(id, delivery), [id, keptMs, ...fields]);
      await queue(id, 0);
      return id;
    },
    async list(ownerId, countMax) {
      const ids = await callRedis(() => redis.zrevrange(keys.webhookDeliveries(ownerId), 0, countMax - 1));
      const found = await Promise.all(ids.map(async (id) => [id, await find(id)] as const));
      return found.flatMap(([id, delivery]): [string, WebhookDelivery][] => (delivery ? [[id, delivery]] : []));
    },
    async redeliver(id) {
      for (;;) {
        const before = await find(id);
        if (!before) return false;
        const round = before.round + 1;
        if (!(await change(id, before, { round, status: 'pending', nextMs: Date.now() }))) continue;
        await queue(id, round);
        return true;
      }
    },
    async record(id, before, attempt, outcome) {
      const attempts = JSON.stringify([...before.attempts, attempt].slice(-attemptsMax));
      await change(id, before, { ...outcome, attempts, url: before.url });
    },
  };
}
