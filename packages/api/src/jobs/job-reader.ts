import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { toJobId } from '@llm-gateway/shared/contracts/ids';
import { isFinal, type JobState } from '@llm-gateway/shared/contracts/job';
import { type JobRecord, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import type { Caller } from '../auth/caller.ts';
import { countByLeader } from './count-by-leader.ts';

export interface JobReader {
  /** The job, if it is this tenant's and its result is still kept; another tenant's is as good as none. */
  find(tenantId: string, id: string): Promise<JobRecord | undefined>;
  /**
   * The job that a client names, by any of its ids, if the client may see it: one that is bound to a user sees that
   * user's alone. Throws `not_found`, and `result_expired` for a week after that.
   */
  get(viewer: Pick<Caller, 'tenantId' | 'boundUserId'>, name: string): Promise<{ id: string; record: JobRecord }>;
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

  /** The tenant's record, be it one that has expired and has yet to be cleared away. */
  async function read(tenantId: string, id: string): Promise<JobRecord | undefined> {
    const record = parseJobRecord(await callRedis(() => redis.hgetall(keys.job(id))));
    if (record?.tenant !== tenantId) return undefined;
    const [counted] = await countByLeader(redis, keys, [record]);
    return counted;
  }

  return {
    async find(tenantId, id) {
      const record = await read(tenantId, id);
      return record && !isExpired(record) ? record : undefined;
    },
    async get({ tenantId, boundUserId }, name) {
      const id = toJobId(name);
      const found = id && (await read(tenantId, id));
      const record = found && isSeenBy(found, boundUserId) ? found : undefined;
      if (id && record && !isExpired(record)) return { id, record };
      // Whose a job was that has been cleared away is not known any more: who may not see all is told nothing.
      const isGone = async (of: string) =>
        boundUserId === undefined && (await callRedis(() => redis.get(keys.gone(of)))) === tenantId;
      if (id && (record || (await isGone(id)))) {
        throw new GatewayError({ code: 'result_expired', detail: `The result of ${id} is no longer kept.` });
      }
      throw new GatewayError({ code: 'not_found', detail: `There is no job ${name.slice(0, 64)}.` });
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

const isSeenBy = ({ user }: JobRecord, boundUserId: string | undefined) =>
  boundUserId === undefined || user === boundUserId;

const isExpired = ({ expiresMs }: JobRecord) => expiresMs !== undefined && expiresMs <= Date.now();
