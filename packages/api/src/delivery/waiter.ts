import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import type { JobReader } from '../jobs/job-reader.ts';

export interface WaiterOptions {
  redis: Redis;
  /** A connection of its own: one that subscribes can do nothing else. */
  subscriber: Redis;
  keys: Keys;
  jobs: JobReader;
  /** Names this process among all api processes. */
  instanceId: string;
  /** How often jobs that are waited for are looked up although nobody called. */
  sweepMs: number;
}

export type WaitEnd = 'ended' | 'timeout' | 'draining';

/** One request's wait for one job. */
export interface Wait {
  /** Resolves when the job has ended, or after `timeoutMs`, or when this process drains; never rejects. */
  end(timeoutMs: number): Promise<WaitEnd>;
  /** Gives the wait up. */
  cancel(): void;
}

export interface Waiter {
  instanceId: string;
  size(): number;
  /** To be called before the job is enqueued: a job that ends within a millisecond finds its waiter in place. */
  expect(id: string): Wait;
  /** Waits for a job that is under way already: asks settlement to call this instance, then looks once. */
  join(id: string): Promise<Wait>;
  /** Ends every wait, now and to come. */
  drain(): void;
  close(): void;
}

/** How long a registration for a job's end is kept: longer than any wait, so that what nobody clears goes by itself. */
export const registrationMs = 600_000;

/**
 * Waits for jobs without trusting any one signal. Settlement publishes the job's id to this instance's channel;
 * a lost message is made good by a look after every reconnect and by a slow sweep; a deadline ends what is left.
 * (BullMQ's own wait was measured to hang or to reject falsely in five of seven fault cases.)
 */
export async function createWaiter(options: WaiterOptions): Promise<Waiter> {
  const { redis, subscriber, keys, jobs, instanceId, sweepMs } = options;
  const waiting = new Map<string, Set<(end: WaitEnd) => void>>();
  // Only these are looked up: before its acceptance a job has no record either, and would be taken for one that is gone.
  const accepted = new Set<string>();
  let drained = false;

  const wake = (id: string, end: WaitEnd) => {
    for (const settle of waiting.get(id) ?? []) settle(end);
  };
  const sweep = async () => {
    if (accepted.size === 0) return;
    // A Redis that is away cannot be asked: the next sweep is due soon, and every wait has its deadline.
    const ended = await jobs.ended([...accepted]).catch(() => []);
    for (const id of ended) wake(id, 'ended');
  };

  subscriber.on('message', (_channel, id) => wake(id, 'ended'));
  subscriber.on('ready', sweep);
  await subscriber.subscribe(keys.wakeChannel(instanceId));
  const sweeper = setInterval(sweep, sweepMs);

  function expect(id: string): Wait {
    const { promise, resolve } = Promise.withResolvers<WaitEnd>();
    const settle = (end: WaitEnd) => {
      const others = waiting.get(id);
      others?.delete(settle);
      if (others?.size === 0) {
        waiting.delete(id);
        accepted.delete(id);
      }
      resolve(end);
    };
    const all = waiting.get(id) ?? new Set();
    waiting.set(id, all.add(settle));
    if (drained) settle('draining');
    return {
      end(timeoutMs) {
        if (waiting.get(id)?.has(settle)) accepted.add(id);
        const timer = setTimeout(settle, timeoutMs, 'timeout');
        return promise.finally(() => clearTimeout(timer));
      },
      cancel: () => settle('timeout'),
    };
  }

  return {
    instanceId,
    size: () => waiting.size,
    expect,
    async join(id) {
      const wait = expect(id);
      try {
        await callRedis(() =>
          redis.multi().sadd(keys.waiters(id), instanceId).pexpire(keys.waiters(id), registrationMs).exec(),
        );
        if ((await jobs.ended([id])).length > 0) wake(id, 'ended');
        return wait;
      } catch (error) {
        wait.cancel();
        throw error;
      }
    },
    drain() {
      drained = true;
      for (const id of [...waiting.keys()]) wake(id, 'draining');
    },
    close() {
      clearInterval(sweeper);
      subscriber.off('ready', sweep);
    },
  };
}
