import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

export interface JobCommands {
  /** Stops a job: at once if nothing runs for it, else its worker is told. One that has ended stays as it is. */
  cancel(id: string, lane: Lane): Promise<void>;
  /**
   * Gives a held job its place in the queue; one that is not held stays as it is.
   * Throws `conflict` for one that has ended.
   */
  release(id: string): Promise<void>;
  /** Erases a job that has ended; its usage stays counted. Throws `conflict` for one that somebody still needs. */
  remove(id: string): Promise<void>;
}

export interface JobCommandsOptions {
  redis: Redis;
  keys: Keys;
  laneQueues: Pick<LaneQueues, 'requeue' | 'remove'>;
}

/** What the owner of a job can do to it. Nothing happens to an id that is not there. Each throws `dependency_down`. */
export function createJobCommands({ redis, keys, laneQueues }: JobCommandsOptions): JobCommands {
  const script = (file: string) => defineScript(redis, `${lifecycleLua(keys)}${loadLua(import.meta.url, file)}`);
  const cancelScript = script('./cancel.lua');
  const releaseScript = script('./release.lua');
  const deleteScript = script('./delete.lua');

  // The record has changed for good. A job that stays in the queue is left alone by its worker, and one that is not
  // there is added by the keeper of time.
  const tryTo = (work: Promise<void>) => work.catch(() => undefined);

  return {
    async cancel(id, lane) {
      const [isQueued, heir] = (await cancelScript([keys.job(id)], [id])) as [0 | 1, string];
      if (isQueued) await tryTo(laneQueues.remove(lane, id));
      if (heir) await tryTo(laneQueues.requeue(heir));
    },

    async release(id) {
      const outcome = await releaseScript([keys.job(id)], [id]);
      if (outcome === 'ended') throw conflict(`Job ${id} has ended: it can no longer be released.`);
      if (outcome === 'released') await tryTo(laneQueues.requeue(id));
    },

    async remove(id) {
      const outcome = await deleteScript([keys.job(id)], [id]);
      if (outcome === 'running') throw conflict(`Job ${id} has not ended: cancel it first.`);
      if (outcome === 'shared') throw conflict(`Job ${id} has a call that goes on for other jobs: delete those first.`);
    },
  };
}

const conflict = (detail: string) => new GatewayError({ code: 'conflict', detail });
