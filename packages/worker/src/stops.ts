import { isStopReason, type StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

export interface StopsOptions {
  redis: Redis;
  /** A connection of its own: one that subscribes can do nothing else. */
  subscriber: Redis;
  keys: Keys;
  /** How often the jobs in hand are looked up although nobody called. */
  sweepMs: number;
}

export interface Stops {
  /** A run's signal: fires with the reason when its job shall stop. To be given back when the run is over. */
  watch(id: string): StopWatch;
  close(): void;
}

export interface StopWatch {
  signal: AbortSignal;
  /** Says that the job shall stop, or that it is no longer this run's. */
  stop(reason: StopReason | 'lock-lost'): void;
  release(): void;
}

/**
 * Hears that a running job shall stop, whichever process was told. A message that is lost with the connection is made
 * good by a slow sweep over the jobs in hand, and by the answer to every write of a log.
 */
export async function createStops({ redis, subscriber, keys, sweepMs }: StopsOptions): Promise<Stops> {
  const inHand = new Map<string, Set<AbortController>>();
  const stop = (id: string, reason: string) => {
    if (isStopReason(reason)) for (const controller of inHand.get(id) ?? []) controller.abort(reason);
  };
  const sweep = async () => {
    const ids = [...inHand.keys()];
    if (ids.length === 0) return;
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.hget(keys.job(id), 'stop');
    const replies = (await pipeline.exec().catch(() => null)) ?? [];
    for (const [index, [, reason]] of replies.entries()) stop(ids[index] ?? '', String(reason ?? ''));
  };

  subscriber.on('message', (_channel, message) => {
    const [id = '', reason = ''] = message.split(' ');
    stop(id, reason);
  });
  await subscriber.subscribe(keys.control);
  const sweeper = setInterval(sweep, sweepMs);

  return {
    watch(id) {
      const controller = new AbortController();
      const runs = inHand.get(id) ?? new Set();
      inHand.set(id, runs.add(controller));
      return {
        signal: controller.signal,
        stop: (reason) => controller.abort(reason),
        release() {
          runs.delete(controller);
          if (runs.size === 0 && inHand.get(id) === runs) inHand.delete(id);
        },
      };
    },
    close: () => clearInterval(sweeper),
  };
}
