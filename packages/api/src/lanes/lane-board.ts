import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { GenerationJob } from '@llm-gateway/shared/contracts/job';
import { type LaneSurvey, surveyLanes } from '@llm-gateway/shared/lanes/announcements';
import type { Producer } from '@llm-gateway/shared/queue/define-queue';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { remember } from '../remember.ts';
import { createServiceRate } from './service-rate.ts';

export interface LaneCounts {
  waiting: number;
  active: number;
  delayed: number;
}

export interface LaneBoard {
  /** Workers at work, and the lanes that workers have served of late. */
  survey(): Promise<LaneSurvey>;
  /** Every lane that there is something to tell of: workers have served it at some time, or this process has used it. */
  known(): Promise<Lane[]>;
  counts(lane: Lane): Promise<LaneCounts>;
  /** How many jobs are to be served before this one; null for one that does not stand in the lane's line. */
  position(lane: Lane, id: string): Promise<number | null>;
  /** In how many ms a job at that position is to be begun, as fast as the lane goes of late; null while unknown. */
  etaMs(lane: Lane, position: number): Promise<number | null>;
  /** Throws `lane_full` when too many jobs wait already. */
  checkDepth(lane: Lane): Promise<void>;
}

export interface LaneBoardOptions {
  redis: Redis;
  keys: Keys;
  laneQueues: Pick<LaneQueues, 'open' | 'producers'>;
  depthMax: number;
}

const fullRetryMs = 5000;

/** What is to be known of the lanes; what every request needs is read at most twice a second however many come. */
export function createLaneBoard({ redis, keys, laneQueues, depthMax }: LaneBoardOptions): LaneBoard {
  const survey = remember(() => surveyLanes(redis, keys));
  const views = new Map<Lane, ReturnType<typeof viewLane>>();
  const viewOf = (lane: Lane) => {
    const view = views.get(lane) ?? viewLane(redis, keys, lane, laneQueues.open(lane));
    views.set(lane, view);
    return view;
  };
  const counts = async (lane: Lane) => viewOf(lane).counts();

  return {
    survey,
    async known() {
      const { known } = await survey();
      return [...new Set([...known, ...laneQueues.producers.keys()])].sort();
    },
    counts,
    async position(lane, id) {
      const { queue } = laneQueues.open(lane);
      // BullMQ gives out ranges only. Every job of a lane has a priority, so this set is the whole of its line.
      return callRedis(() => redis.zrank(queue.toKey('prioritized'), id));
    },
    async etaMs(lane, position) {
      await counts(lane);
      const perMs = viewOf(lane).rate.perMs();
      return perMs === undefined ? null : Math.round((position + 1) / perMs);
    },
    async checkDepth(lane) {
      const { waiting, delayed } = await counts(lane);
      if (waiting + delayed < depthMax) return;
      throw new GatewayError({
        code: 'lane_full',
        detail: `Too many jobs wait for ${lane}.`,
        retryAfterMs: fullRetryMs,
      });
    },
  };
}

/** One lane's counts, and with every reading of them a note of how far it has got. */
function viewLane(redis: Redis, keys: Keys, lane: Lane, { queue }: Producer<GenerationJob>) {
  const rate = createServiceRate();
  const counts = remember(() =>
    callRedis(async (): Promise<LaneCounts> => {
      const [numbers, begun, parked] = await Promise.all([
        queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed'),
        redis.hget(keys.fairClock(lane), 'served'),
        redis.zcard(keys.parked(lane)),
      ]);
      rate.note(Number(begun ?? 0), performance.now());
      const { waiting = 0, prioritized = 0, active = 0, delayed = 0 } = numbers;
      return { waiting: waiting + prioritized, active, delayed: delayed + parked };
    }),
  );
  return { counts, rate };
}
