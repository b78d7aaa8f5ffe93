import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

type Counted = Pick<JobRecord, 'state' | 'leader' | 'sequence' | 'chars'>;

/** The log of a job that follows another one is that one's until it ends, and so is what is counted of it. */
export async function countByLeader<Record extends Counted>(
  redis: Redis,
  keys: Keys,
  records: readonly Record[],
): Promise<Record[]> {
  const leaders = [...new Set(records.flatMap(leaderOf))];
  if (leaders.length === 0) return [...records];
  const replies = await callRedis(async () => {
    const pipeline = redis.pipeline();
    for (const leader of leaders) pipeline.hmget(keys.job(leader), 'sequence', 'chars');
    return (await pipeline.exec()) ?? [];
  });
  const counts = new Map(
    leaders.map((leader, index) => [leader, replies[index]?.[1] as (string | null)[] | undefined]),
  );
  return records.map((record) => {
    const [sequence, chars] = counts.get(leaderOf(record)[0] ?? '') ?? [];
    return sequence ? { ...record, sequence: Number(sequence), chars: Number(chars ?? 0) } : record;
  });
}

const leaderOf = ({ state, leader }: Counted): string[] => (leader === undefined || isFinal(state) ? [] : [leader]);
