import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import type { JobReader } from '../jobs/job-reader.ts';
import { type Attendance, renewalMs } from './attendance.ts';

export interface WaiterOptions {
  /** A connection of its own: one that subscribes can do nothing else. */
  subscriber: Redis;
  keys: Keys;
  jobs: JobReader;
  attendance: Attendance;
  /** Names this process among all api processes. */
  instanceId: string;
  /** How often jobs that are waited for are looked up although nobody called. */
  sweepMs: number;
}

export type WaitEnd = 'ended' | 'timeout' | 'left' | 'draining';

/** One request's wait for one job. */
export interface Wait {
  /** Resolves when the job has ended, or after `timeoutMs` (may be infinite), or when this process drains; never rejects. */
  end(timeoutMs: number): Promise<WaitEnd>;
  /** Gives the wait up. */
  cancel(): void;
}

export interface Waiter {
  instanceId: string;
  size(): number;
  /** To be called before the job is accepted: a job that ends within a millisecond finds its waiter in place. */
  expect(id: string): Wait;
  /** Waits for a job that is under way already: asks settlement to call this instance, then looks once. */
  join(id: string): Promise<Wait>;
  /** Ends every wait, now and to come. */
  drain(): void;
  close(): void;
}

/**
 * Waits for jobs without trusting any one signal. Settlement publishes the job's id to this instance's channel;
 * a lost message is made good by a look after every reconnect and by a slow sweep; a deadline ends what is left.
 * (BullMQ's own wait was measured to hang or to reject falsely in five of seven fault cases.)
 */
export async function createWaiter(options: WaiterOptions): Promise<Waiter> {
  const { subscriber, keys, jobs, attendance, instanceId, sweepMs } = options;
  const waiting = new Map<string, Set<(end: WaitEnd) => void>>();
  // What is renewed and left. Before its acceptance a job has no record, and would be taken for one that is gone.
  const accepted = new Set<string>();
  // Of these, what is looked up: a wait without an end of its own is a stream's, which looks at its job itself.
  const swept = new Set<string>();
  let drained = false;

  const wake = (id: string, end: WaitEnd) => {
    for (const settle of waiting.get(id) ?? []) settle(end);
  };
  const sweep = async () => {
    // A Redis that is away cannot be asked: the next sweep is due soon, and every wait has its deadline.
    const ended = await jobs.ended([...swept]).catch(() => []);
    for (const id of ended) wake(id, 'ended');
  };
  // What is not renewed or not said is known by its lease: nobody waits for either.
  const renew = () => void attendance.renew([...accepted]).catch(() => undefined);
  const leave = (id: string) => void attendance.leave(id).catch(() => undefined);

  const channel = keys.wakeChannel(instanceId);
  subscriber.on('message', (from, id) => {
    if (from === channel) wake(id, 'ended');
  });
  subscriber.on('ready', sweep);
  await subscriber.subscribe(channel);
  const timers = [setInterval(sweep, sweepMs), setInterval(renew, renewalMs)];

  function expect(id: string): Wait {
    const { promise, resolve } = Promise.withResolvers<WaitEnd>();
    let how: WaitEnd | undefined;
    const settle = (end: WaitEnd) => {
      const others = waiting.get(id);
      if (!others?.delete(settle)) return;
      how = end;
      resolve(end);
      if (others.size > 0) return;
      waiting.delete(id);
      swept.delete(id);
      if (accepted.delete(id) && end !== 'ended') leave(id);
    };
    const all = waiting.get(id) ?? new Set();
    waiting.set(id, all.add(settle));
    if (drained) settle('draining');
    return {
      end(timeoutMs) {
        if (how === undefined) accepted.add(id);
        // Given up before the job was accepted, which made this instance its reader all the same.
        else if (how !== 'ended' && !waiting.has(id)) leave(id);
        if (timeoutMs === Number.POSITIVE_INFINITY) return promise;
        if (how === undefined) swept.add(id);
        const timer = setTimeout(settle, timeoutMs, 'timeout');
        return promise.finally(() => clearTimeout(timer));
      },
      cancel: () => settle('left'),
    };
  }

  return {
    instanceId,
    size: () => waiting.size,
    expect,
    async join(id) {
      const wait = expect(id);
      try {
        await attendance.join(id);
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
      for (const timer of timers) clearInterval(timer);
      subscriber.off('ready', sweep);
    },
  };
}
