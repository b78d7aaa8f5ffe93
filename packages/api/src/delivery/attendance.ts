import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

/**
 * How long an instance is taken for a reader after it last said so. It says so every third of that; one that died is
 * known by it.
 */
export const leaseMs = 15_000;
export const renewalMs = leaseMs / 3;
// A client that polls is a reader until it may be expected again.
const pollLeaseMs = 30_000;
/** The list goes by itself when nobody renews it; longer than any pause of a process. */
const keptMs = 600_000;
const batchSize = 200;

/**
 * Who reads which job, across all api processes: what is shared is a lease per instance and job, and an instance counts
 * its own requests. By it a job knows when its last reader has gone, and its end whom to call.
 */
export function createAttendance({ redis, keys, instanceId }: { redis: Redis; keys: Keys; instanceId: string }) {
  const attendScript = defineScript(redis, `${lifecycleLua(keys)}${loadLua(import.meta.url, './attend.lua')}`);

  type Mode = 'join' | 'renew' | 'leave' | 'dispense';

  async function attend(mode: Mode, ids: readonly string[], reader = instanceId, ms = leaseMs) {
    for (let start = 0; start < ids.length; start += batchSize) {
      const batch = ids.slice(start, start + batchSize);
      await attendScript(
        batch.map((id) => keys.job(id)),
        [mode, reader, ms, keptMs, ...batch],
      );
    }
  }

  return {
    /** Throws `dependency_down`. */
    join: (id: string) => attend('join', [id]),
    renew: (ids: readonly string[]) => attend('renew', ids),
    leave: (id: string) => attend('leave', [id]),
    /** A look at the job by a client that will come again. */
    poll: (id: string) => attend('join', [id], 'poll', pollLeaseMs),
    /** A client has been promised the job without having to stay: from now on it needs no reader. */
    dispense: (id: string) => attend('dispense', [id]),
  };
}

export type Attendance = ReturnType<typeof createAttendance>;
