import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import { throttle } from '@llm-gateway/shared/observability/throttle';
import { isLane } from '@llm-gateway/shared/queue/generation-queue';
import type { LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { createRebaser } from './rebase.ts';

export interface TimekeeperOptions {
  redis: Redis;
  keys: Keys;
  laneQueues: LaneQueues;
  log: Logger;
}

export interface Timekeeper {
  /** Does what is due now. */
  tick(): Promise<void>;
  close(): void;
}

const tickMs = 250;
/** Jobs looked at in one script: each costs Redis some 30 µs. */
const batch = 50;
const batchesMax = 20;
/** Who made a job ready for its lane adds it at once; one that is left so long was forgotten in a crash. */
const forgottenMs = 2000;
const rebaseEveryMs = 10_000;

/**
 * Keeps the times of all jobs, by the clock of Redis: deadlines, readers that left, expiry, and jobs that a crash kept
 * from their lane. Every worker runs one; they do not disturb each other, because every step is one script or harmless
 * when repeated.
 */
export function startTimekeeper({ redis, keys, laneQueues, log }: TimekeeperOptions): Timekeeper {
  const tickScript = defineScript(redis, `${lifecycleLua(keys)}${loadLua(import.meta.url, './tick.lua')}`);
  const rebase = createRebaser({ redis, keys, laneQueues });
  const report = throttle(10_000, (error: unknown, skipped: number) =>
    log.error({ event: 'timekeeper_error', err: error, skipped }, 'timekeeping failed; it is tried again'),
  );

  async function doDue(): Promise<void> {
    for (let round = 0; round < batchesMax; round += 1) {
      const [found, ...moves] = (await tickScript([keys.due], [batch])) as [number, ...string[]];
      for (let index = 0; index < moves.length; index += 3) {
        const [action, lane = '', id = ''] = moves.slice(index, index + 3);
        if (action === 'add') await laneQueues.requeue(id);
        else if (isLane(lane)) await laneQueues.remove(lane, id);
      }
      if (found < batch) return;
    }
  }

  async function addForgotten(): Promise<void> {
    const [seconds] = await redis.time();
    const ids = await redis.zrange(
      keys.unqueued,
      0,
      String(Number(seconds) * 1000 - forgottenMs),
      'BYSCORE',
      'LIMIT',
      0,
      batch,
    );
    for (const id of ids) {
      await laneQueues.requeue(id);
      await redis.zrem(keys.unqueued, id);
    }
  }

  async function tick(): Promise<void> {
    await doDue();
    await addForgotten();
  }
  const ticking = repeat(tick, tickMs, report);
  // Apart from the ticks: over a long backlog it takes its time, and deadlines do not wait for it.
  const rebasing = repeat(rebase, rebaseEveryMs, report);
  return {
    tick: () => tick().catch(report),
    close() {
      ticking.stop();
      rebasing.stop();
    },
  };
}

/** Does a piece of work again and again, one after the other: a Redis that hangs does not pile them up. */
function repeat(work: () => Promise<void>, pauseMs: number, report: (error: unknown) => void) {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const next = () => {
    if (stopped) return;
    timer = setTimeout(() => work().catch(report).finally(next), pauseMs);
  };
  next();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
