import { finalStates } from '@llm-gateway/shared/contracts/job';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

// Those that were completed are the rest: no index is kept of them.
const counted = ['open', ...finalStates.filter((state) => state !== 'completed')] as const;

export type JobCounts = Record<(typeof counted)[number], number>;

/** How many jobs of these tenants have not ended, and how many of those that are still kept ended otherwise than completed. */
export async function countJobs(redis: Redis, keys: Keys, tenantIds: readonly string[]): Promise<JobCounts> {
  const pipeline = redis.pipeline();
  for (const tenantId of tenantIds) {
    for (const name of counted) {
      pipeline.zcard(name === 'open' ? keys.jobIndex(tenantId, 'open') : keys.jobIndex(tenantId, 'state', name));
    }
  }
  const replies = await callRedis(async () => (await pipeline.exec()) ?? []);
  const sums = { open: 0, incomplete: 0, failed: 0, cancelled: 0, expired: 0 };
  for (const [index, [error, count]] of replies.entries()) {
    if (error) throw error;
    const name = counted[index % counted.length];
    if (name) sums[name] += Number(count);
  }
  return sums;
}
