import { isFinal, type JobState } from '@llm-gateway/shared/contracts/job';
import { type JobRecord, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

export interface JobReader {
  /** The job, if it is this tenant's; another tenant's is as good as none. */
  find(tenantId: string, id: string): Promise<JobRecord | undefined>;
  /** Of these jobs, the ids of those that have ended or whose record is gone. */
  ended(ids: readonly string[]): Promise<string[]>;
}

// One reply of this size keeps Redis busy for well under a millisecond.
const batchSize = 500;

export function createJobReader(redis: Redis, keys: Keys): JobReader {
  async function endedOf(ids: readonly string[]): Promise<string[]> {
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.hget(keys.job(id), 'state');
    const replies = (await pipeline.exec()) ?? [];
    return ids.filter((_, index) => {
      const [error, state] = replies[index] ?? [new Error('no reply'), null];
      return error === null && (state === null || isFinal(state as JobState));
    });
  }

  return {
    async find(tenantId, id) {
      const record = parseJobRecord(await callRedis(() => redis.hgetall(keys.job(id))));
      return record?.tenant === tenantId ? record : undefined;
    },
    ended: (ids) =>
      callRedis(async () => {
        const found: string[] = [];
        for (let start = 0; start < ids.length; start += batchSize) {
          found.push(...(await endedOf(ids.slice(start, start + batchSize))));
        }
        return found;
      }),
  };
}
