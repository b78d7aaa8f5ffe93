import type { Redis } from 'ioredis';
import { type NativeApi, nativeApis } from '../contracts/native-body.ts';
import { isLane, type Lane, lanesMax } from '../queue/generation-queue.ts';
import { callRedis } from '../redis/call-redis.ts';
import type { Keys } from '../redis/keys.ts';

/** Whether a lane's calls reach the provider itself or the sandbox that stands in for it. */
export type LaneMode = 'live' | 'sandbox';

/** What a worker says of a lane. */
export interface ServedLane {
  mode: LaneMode;
  /** The requests that its provider can be sent as a client of its dialect wrote them. */
  apis: readonly NativeApi[];
}

/** A worker that has been silent for so long is counted as gone. */
export const heartbeatMs = 5000;
const goneAfterMs = 3 * heartbeatMs;
// Long enough for every weekend outage: jobs of a lane whose workers are away are queued, not refused.
const laneKnownMs = 7 * 24 * 3600 * 1000;

const redisNow = async (redis: Redis): Promise<number> => {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
};

/** Says that this worker serves these lanes. Repeated every `heartbeatMs`; the api learns lanes from here, never from keys. */
export async function announceLanes(
  redis: Redis,
  keys: Keys,
  workerId: string,
  served: ReadonlyMap<Lane, ServedLane>,
): Promise<void> {
  const now = await redisNow(redis);
  const pipeline = redis.pipeline().zadd(keys.workers, now, workerId);
  for (const [lane, { mode, apis }] of served) {
    pipeline.zadd(keys.lanes, now, lane).hset(keys.laneModes, lane, mode).hset(keys.laneApis, lane, apis.join(' '));
  }
  await pipeline.zremrangebyscore(keys.workers, '-inf', now - goneAfterMs).exec();
}

/**
 * Takes lanes off the list that this worker serves no more. Another one that still does announces them within
 * `heartbeatMs`.
 */
export async function withdrawLanes(redis: Redis, keys: Keys, lanes: readonly Lane[]): Promise<void> {
  if (lanes.length > 0) await redis.zrem(keys.lanes, ...lanes);
}

/** Takes a worker that stops off the list. */
export async function withdrawWorker(redis: Redis, keys: Keys, workerId: string): Promise<void> {
  await redis.zrem(keys.workers, workerId);
}

export interface LaneSurvey {
  workers: number;
  /** Lanes that a worker has served within the last week, and how. */
  lanes: Map<Lane, LaneMode>;
  /** Of these, what their providers can be sent as it came. */
  apis: Map<Lane, readonly NativeApi[]>;
  /** All lanes that workers have ever served: jobs of theirs may still wait. */
  known: readonly Lane[];
}

/** What workers have announced. Throws `dependency_down`. */
export async function surveyLanes(redis: Redis, keys: Keys): Promise<LaneSurvey> {
  return callRedis(async () => {
    const now = await redisNow(redis);
    const [workers, seen, modes, spoken] = await Promise.all([
      redis.zcount(keys.workers, now - goneAfterMs, '+inf'),
      redis.zrange(keys.lanes, now - laneKnownMs, '+inf', 'BYSCORE'),
      redis.hgetall(keys.laneModes),
      redis.hgetall(keys.laneApis),
    ]);
    const lanes = seen
      .filter(isLane)
      .map((lane): [Lane, LaneMode] => [lane, modes[lane] === 'live' ? 'live' : 'sandbox']);
    const apis = lanes.map(([lane]): [Lane, NativeApi[]] => [
      lane,
      nativeApis.filter((api) => spoken[lane]?.split(' ').includes(api)),
    ]);
    const known = Object.keys(modes).filter(isLane).slice(0, lanesMax);
    return { workers, lanes: new Map(lanes), apis: new Map(apis), known };
  });
}
