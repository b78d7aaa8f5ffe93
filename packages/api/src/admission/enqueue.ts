import type { NewJobFields } from '@llm-gateway/shared/jobs/job-record';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { registrationMs } from '../delivery/waiter.ts';
import type { AddToLane } from './add-to-lane.ts';
import { attachableMs } from './attach.ts';

export interface EnqueueOptions {
  redis: Redis;
  keys: Keys;
  addToLane: AddToLane;
  instanceId: string;
}

export interface NewJob {
  id: string;
  lane: Lane;
  fields: NewJobFields;
  requestId: string;
  fingerprint: string;
  isWaitedFor: boolean;
}

// An unfinished job outlives a long outage of its provider or of all workers, not a forgotten installation.
const unfinishedMs = 7 * 24 * 3600 * 1000;

/**
 * Accepts a job: first its record, then its place in the queue. A crash between the two leaves a record that nobody
 * was told of; a retry of the request finds it and makes up for the rest. When either fails, the outcome is unknown
 * (the command may have been carried out), so the record is closed and a worker that does find the job leaves it
 * alone: what was refused is never paid for.
 */
export function createEnqueuer({ redis, keys, addToLane, instanceId }: EnqueueOptions) {
  const acceptScript = defineScript(redis, loadLua(import.meta.url, './accept.lua'));
  const refuseScript = defineScript(redis, loadLua(import.meta.url, './refuse.lua'));

  return async ({ id, lane, fields, requestId, fingerprint, isWaitedFor }: NewJob): Promise<void> => {
    try {
      await acceptScript(
        [keys.job(id), keys.waiters(id), keys.attach(fingerprint)],
        [
          id,
          unfinishedMs,
          isWaitedFor ? instanceId : '',
          registrationMs,
          attachableMs,
          ...Object.entries(fields).flat(),
        ],
      );
      await addToLane(lane, id, requestId);
    } catch (error) {
      // Best effort: with Redis away this fails as well, and the job, if it was added, runs as if accepted.
      refuseScript([keys.job(id), keys.attach(fingerprint)], [id]).catch(() => undefined);
      throw error;
    }
  };
}

export type Enqueuer = ReturnType<typeof createEnqueuer>;
