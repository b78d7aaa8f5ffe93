import { surveyLanes } from '@llm-gateway/shared/lanes/announcements';
import { bullPriorityMax } from '@llm-gateway/shared/lifecycle/fair-queue';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

export interface RebaserOptions {
  redis: Redis;
  keys: Keys;
  laneQueues: Pick<LaneQueues, 'producers' | 'open'>;
  /** How far virtual time may run from its base. */
  spanMax?: number;
}

const page = 500;
const lockMs = 60_000;

/**
 * Moves the base of a lane's virtual time along before BullMQ's 21 bits of priority are used up, and gives the jobs
 * that wait their priority anew, the first ones first: until all have it, those that have not are behind those that
 * have, where they belong. A pass that a crash cut short is taken up by whoever comes next.
 */
export function createRebaser({ redis, keys, laneQueues, spanMax = (bullPriorityMax + 1) / 2 }: RebaserOptions) {
  const rebaseScript = defineScript(redis, loadLua(import.meta.url, './rebase.lua'));
  const placeScript = defineScript(redis, loadLua(import.meta.url, './place.lua'));

  /** One pass over the jobs of a lane; says how many had a priority of the old base. */
  async function reprioritise(queue: Queue, base: number): Promise<number> {
    let changed = 0;
    for (let start = 0; ; start += page) {
      // Those that run are among them: they may have to be tried again.
      const jobs = await queue.getJobs(['prioritized', 'delayed', 'active'], start, start + page - 1, true);
      if (jobs.length === 0) return changed;
      for (const job of jobs) {
        // A job that was taken or removed meanwhile has no place to be changed.
        if (job?.id === undefined) continue;
        const priority = Number(await placeScript([keys.job(job.id)], [base, bullPriorityMax]));
        if (priority === 0 || job.priority === priority) continue;
        changed += 1;
        await job.changePriority({ priority }).catch(() => undefined);
      }
    }
  }

  /** Also those that this worker does not serve: theirs may have none at the moment. */
  async function lanesInUse(): Promise<Set<Lane>> {
    const { known } = await surveyLanes(redis, keys);
    return new Set([...known, ...laneQueues.producers.keys()]);
  }

  return async (): Promise<void> => {
    for (const lane of await lanesInUse()) {
      const clock = keys.fairClock(lane);
      const isNeeded = (await rebaseScript([clock], [spanMax, lockMs])) === 1;
      if (!isNeeded) continue;
      const { queue } = laneQueues.open(lane);
      const base = Number(await redis.hget(clock, 'base'));
      // A job that was being accepted while the base moved comes to the lane with a priority of the old one, after all
      // passes perhaps: the mark stays until a later pass has found nothing to change.
      if ((await reprioritise(queue, base)) === 0) await redis.hdel(clock, 'rebasing');
      else while ((await reprioritise(queue, base)) > 0);
    }
  };
}
