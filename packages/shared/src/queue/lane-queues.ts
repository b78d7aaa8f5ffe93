import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { GenerationJob } from '../contracts/job.ts';
import { callRedis } from '../redis/call-redis.ts';
import type { Keys } from '../redis/keys.ts';
import { openProducer, type Producer } from './define-queue.ts';
import { generationQueue, isLane, type Lane, lanesMax, type RetryPolicy } from './generation-queue.ts';
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
  /** Those of the lanes that have been opened. */
  producers: ReadonlyMap<Lane, Producer<GenerationJob>>;
  queues(): Queue[];
  /** The producing end of a lane, opened when it is first asked for. Throws when there are too many. */
  open(lane: Lane): Producer<GenerationJob>;
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
  /** Replaces what opens a lane; tests make theirs fail. */
  openLane?: (lane: Lane) => Producer<GenerationJob>;
}

const callTimeoutMs = 2000;

/** The producing ends of the lanes, each opened with its first job or its first look. */
export function createLaneQueues({
  redis,
  keys,
  retry,
  openLane = (lane) => openProducer(generationQueue(lane, retry), { connection: redis, prefix: keys.queuePrefix }),
}: LaneQueuesOptions): LaneQueues {
  const producers = new Map<Lane, Producer<GenerationJob>>();
  function open(lane: Lane): Producer<GenerationJob> {
    const opened = producers.get(lane);
    if (opened) return opened;
    if (producers.size >= lanesMax) throw new Error(`lane ${lane} is one too many: ${lanesMax} are open`);
    const producer = openLane(lane);
    producers.set(lane, producer);
    return producer;
  }
  const queues = () => [...producers.values()].map(({ queue }) => queue);

  async function add({ lane, id, requestId, priority, attempts }: Place): Promise<void> {
    const options = { priority, attempts };
    await callRedis(() => withTimeout(open(lane).add(id, { v: 3, id, requestId }, options), callTimeoutMs));
  }

  return {
    producers,
    queues,
    open,
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
      await callRedis(() => withTimeout(open(lane).queue.remove(id), callTimeoutMs));
    },
    close: () => Promise.allSettled(queues().map((queue) => queue.close())),
  };
}
