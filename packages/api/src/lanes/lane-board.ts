import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { GenerationJob } from '@llm-gateway/shared/contracts/job';
import { type LaneSurvey, surveyLanes } from '@llm-gateway/shared/lanes/announcements';
import type { Producer } from '@llm-gateway/shared/queue/define-queue';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

export interface LaneCounts {
  waiting: number;
  active: number;
  delayed: number;
}

export interface LaneBoard {
  /** Workers at work, and the lanes that workers have served of late. */
  survey(): Promise<LaneSurvey>;
  counts(lane: Lane): Promise<LaneCounts>;
  /** Throws `lane_full` when too many jobs wait already. */
  checkDepth(lane: Lane): Promise<void>;
}

export interface LaneBoardOptions {
  redis: Redis;
  keys: Keys;
  producers: ReadonlyMap<Lane, Producer<GenerationJob>>;
  depthMax: number;
}

// What the board shows may be this old: every request reads it, and none should pay for it.
const freshMs = 500;
const fullRetryMs = 5000;

/** What admission needs to know of the lanes, read at most twice a second however many requests come. */
export function createLaneBoard({ redis, keys, producers, depthMax }: LaneBoardOptions): LaneBoard {
  const survey = remember(() => surveyLanes(redis, keys));
  const counters = new Map(
    [...producers].map(([lane, { queue }]) => [
      lane,
      remember(() =>
        callRedis(async (): Promise<LaneCounts> => {
          const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed');
          const { waiting = 0, prioritized = 0, active = 0, delayed = 0 } = counts;
          return { waiting: waiting + prioritized, active, delayed };
        }),
      ),
    ]),
  );
  const counts = async (lane: Lane) => (await counters.get(lane)?.()) ?? { waiting: 0, active: 0, delayed: 0 };

  return {
    survey,
    counts,
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

/** Shares one reading among all who ask within `freshMs`. A failed reading is not kept. */
function remember<T>(read: () => Promise<T>): () => Promise<T> {
  let last: { at: number; value: Promise<T> } | undefined;
  return () => {
    const now = performance.now();
    if (last && now - last.at < freshMs) return last.value;
    const value = read();
    const current = { at: now, value };
    last = current;
    value.catch(() => {
      if (last === current) last = undefined;
    });
    return value;
  };
}
