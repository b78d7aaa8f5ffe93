import type { LogEntry } from '@llm-gateway/shared/contracts/event';
import { isFinal, type JobState } from '@llm-gateway/shared/contracts/job';
import { parseLogEntry } from '@llm-gateway/shared/event-log/log-entry';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

/** A page of a job's log, and how the job stood right after it was read. */
export interface LogPage {
  entries: LogEntry[];
  /** Whether there may be more right now. */
  hasMore: boolean;
  /** The log that the job's events are in now: its own, or that of the job whose call it shares. */
  logId: string;
  isEnded: boolean;
}

export interface LogReader {
  /** The entries after `after`, oldest first. Throws `dependency_down`. */
  read(jobId: string, logId: string, after: number): Promise<LogPage>;
}

const pageSize = 200;

export function createLogReader(redis: Redis, keys: Keys): LogReader {
  return {
    async read(jobId, logId, after) {
      const [page, state] = await callRedis(async () => {
        // The record comes second: what the log held when it still said "open" is all about this job.
        const replies = await redis
          .pipeline()
          .xrange(keys.log(logId), `(${Math.max(0, after)}-0`, '+', 'COUNT', pageSize)
          .hmget(keys.job(jobId), 'state', 'leader', 'endSequence')
          .exec();
        const failed = replies?.find(([error]) => error !== null);
        if (!replies || failed) throw failed?.[0] ?? new Error('no reply');
        return replies.map(([, reply]) => reply) as [[string, string[]][], (string | null)[]];
      });
      const [jobState, leader, endSequence] = state;
      const last = endSequence === null || endSequence === undefined ? Number.POSITIVE_INFINITY : Number(endSequence);
      return {
        entries: page.flatMap((entry) => parseLogEntry(entry) ?? []).filter(({ sequence }) => sequence <= last),
        hasMore: page.length === pageSize,
        logId: leader ?? jobId,
        isEnded: jobState === null || isFinal(jobState as JobState),
      };
    },
  };
}
