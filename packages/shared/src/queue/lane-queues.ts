import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { GenerationJob } from '../contracts/job.ts';
import { callRedis } from '../redis/call-redis.ts';
import type { Keys } from '../redis/keys.ts';
import { allQueues } from './all-queues.ts';
import { openProducer, type Producer } from './define-queue.ts';
import { isLane, type Lane, type RetryPolicy } from './generation-queue.ts';
import { withTimeout } from './with-timeout.ts';

/** A job's place in a lane. */
export interface Place {
  lane: Lane;
  id: string;
  requestId: string;
  /** BullMQ's priority. */
  priority: number;
  attempts: number;
}

export interface LaneQueues {
  producers: ReadonlyMap<Lane, Producer<GenerationJob>>;
  queues: Queue[];
  /** Gives a job its place. Doing so again changes nothing. Throws `dependency_down`, in time. */
  add(place: Place): Promise<void>;
  /** Makes sure that a job that waits for its turn has its place, by what its record says. */
  requeue(id: string): Promise<void>;
  /** Takes a job that has ended out of the queue. One that a worker has taken meanwhile stays: it finds nothing to do. */
  remove(lane: Lane, id: string): Promise<void>;
  close(): Promise<unknown>;
}

export interface LaneQueuesOptions {
  /** For records. */
  redis: Redis;
  keys: Keys;
  retry: RetryPolicy;
  /** Replaces what opens the producers; tests make theirs fail. */
  producers?: ReadonlyMap<Lane, Producer<GenerationJob>>;
}

const callTimeoutMs = 2000;

const openAll = (redis: Redis, keys: Keys, retry: RetryPolicy) =>
  new Map(
    allQueues(retry).map(({ lane, contract }) => [
      lane,
      openProducer(contract, { connection: redis, prefix: keys.queuePrefix }),
    ]),
  );

/** The producing ends of all lanes. */
export function createLaneQueues({
  redis,
  keys,
  retry,
  producers = openAll(redis, keys, retry),
}: LaneQueuesOptions): LaneQueues {
  const producerOf = (lane: Lane) => {
    const producer = producers.get(lane);
    if (!producer) throw new Error(`no producer for lane ${lane}`);
    return producer;
  };
  const queues = [...producers.values()].map(({ queue }) => queue);

  async function add({ lane, id, requestId, priority, attempts }: Place): Promise<void> {
    const options = { priority, attempts };
    await callRedis(() => withTimeout(producerOf(lane).add(id, { v: 2, id, requestId }, options), callTimeoutMs));
  }

  return {
    producers,
    queues,
    add,
    async requeue(id) {
      const [state, lane, requestId, priority, attempts, parked, leader] = await callRedis(() =>
        redis.hmget(keys.job(id), 'state', 'lane', 'request', 'queuePriority', 'maxAttempts', 'parked', 'leader'),
      );
      if (state !== 'queued' || !lane || !isLane(lane) || parked || leader) return;
      await add({
        lane,
        id,
        requestId: requestId ?? '',
        priority: Number(priority ?? 1),
        attempts: Number(attempts),
      });
    },
    async remove(lane, id) {
      await callRedis(() => withTimeout(producerOf(lane).queue.remove(id), callTimeoutMs));
    },
    close: () => Promise.allSettled(queues.map((queue) => queue.close())),
  };
}
