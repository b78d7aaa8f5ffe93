import type { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isFinal, type JobState } from '@llm-gateway/shared/contracts/job';
import { jobRecord } from '@llm-gateway/shared/jobs/job-record';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { invalidField } from '../http/invalid-field.ts';
import { countByLeader } from './count-by-leader.ts';
import { type JobStatus, type JobSummary, statusOf } from './job-view.ts';
import { type IndexPlace, type Walk, walkIndex } from './walk-index.ts';

export interface JobFilter {
  status?: JobStatus | undefined;
  endpoint?: string | undefined;
  /** Our id of a model, such as `openai/gpt-4o`. */
  model?: string | undefined;
  userId?: string | undefined;
  /** Only what its client wanted to find again, and that has an answer. */
  isStored?: boolean | undefined;
  /** Only what was labelled with all of these. */
  metadata?: Record<string, string> | undefined;
  createdAfterMs?: number | undefined;
  createdBeforeMs?: number | undefined;
}

export interface JobPaging {
  limit: number;
  order: 'asc' | 'desc';
  /** Of the jobs that follow this one in the list's order, the first ones. */
  after?: IndexPlace | undefined;
  /** Of the jobs that come before this one, the last ones. */
  before?: IndexPlace | undefined;
}

export interface JobPage {
  jobs: { id: string; record: JobSummary }[];
  /** Whether there may be further jobs in the direction asked for. Never with an empty page. */
  hasMore: boolean;
}

export interface JobList {
  /** A part of the tenant's jobs. Throws `invalid_request` for a filter that fits too few among too many jobs. */
  page(tenantId: string, filter: JobFilter, paging: JobPaging): Promise<JobPage>;
}

export interface JobListOptions {
  redis: Redis;
  keys: Keys;
  /** How many jobs one request may look at. */
  looksMax?: number;
}

const summary = jobRecord.omit({ generation: true });
const summaryFields = Object.keys(summary.shape);
// What a filter asks about, in the order of `fits`.
const filterFields = ['tenant', 'state', 'stop', 'expiresMs', 'user', 'target', 'endpoint', 'stored', 'metadata'];

/**
 * Lists jobs by the index that fits a filter best, and looks at each one's record for the rest of the filter. No reply
 * of Redis is large, and what was asked and answered is read for the jobs of the page alone.
 */
export function createJobList({ redis, keys, looksMax = 100_000 }: JobListOptions): JobList {
  async function findFitting(places: readonly IndexPlace[], tenantId: string, filter: JobFilter): Promise<string[]> {
    const ids = places.map(({ id }) => id);
    const rows = await readFields(redis, keys, ids, filterFields);
    const now = Date.now();
    return ids.filter((_, index) => fits(rows[index] ?? [], tenantId, filter, now));
  }

  /** The records that are still there. */
  async function readJobs(ids: readonly string[]): Promise<JobPage['jobs']> {
    const rows = await readFields(redis, keys, ids, summaryFields);
    const found = ids.flatMap((id, index) => {
      const values = rows[index] ?? [];
      const hash = Object.fromEntries(summaryFields.map((name, at) => [name, values[at] ?? undefined]));
      return hash.state === undefined ? [] : [{ id, record: summary.parse(hash) }];
    });
    const records = await countByLeader(
      redis,
      keys,
      found.map(({ record }) => record),
    );
    return found.map(({ id, record }, index) => ({ id, record: records[index] ?? record }));
  }

  return {
    async page(tenantId, filter, { limit, order, after, before }) {
      const walk: Walk = {
        key: await smallestIndex(redis, indexesOf(keys, tenantId, filter), filter),
        direction: (order === 'desc') === (before === undefined) ? 'older' : 'newer',
        from: before ?? after,
        afterMs: filter.createdAfterMs,
        beforeMs: filter.createdBeforeMs,
        chunk: limit + 1,
      };
      const jobs: JobPage['jobs'] = [];
      let looks = 0;
      let isCut = false;
      let last: IndexPlace | undefined;
      for await (const places of walkIndex(redis, walk)) {
        if (last && looks >= looksMax) {
          if (jobs.length === 0) throw tooFar(walk.direction, last, looks);
          isCut = true;
          break;
        }
        const fitting = await findFitting(places, tenantId, filter);
        while (fitting.length > 0 && jobs.length <= limit) {
          jobs.push(...(await readJobs(fitting.splice(0, limit + 1 - jobs.length))));
        }
        if (jobs.length > limit) break;
        looks += places.length;
        last = places.at(-1);
      }
      const page = jobs.slice(0, limit);
      return { jobs: before === undefined ? page : page.reverse(), hasMore: isCut || jobs.length > limit };
    },
  };
}

function readFields(redis: Redis, keys: Keys, ids: readonly string[], fields: string[]): Promise<(string | null)[][]> {
  return callRedis(async () => {
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.hmget(keys.job(id), ...fields);
    const replies = (await pipeline.exec()) ?? [];
    return replies.map(([error, values]) => {
      if (error) throw error;
      return values as (string | null)[];
    });
  });
}

async function smallestIndex(redis: Redis, fitting: string[], filter: JobFilter): Promise<string> {
  const [low, high] = [`(${filter.createdAfterMs ?? '-inf'}`, `(${filter.createdBeforeMs ?? '+inf'}`];
  const sizes = await callRedis(() => Promise.all(fitting.map((key) => redis.zcount(key, low, high))));
  return fitting[sizes.indexOf(Math.min(...sizes))] ?? '';
}

/** Every index that holds all jobs of a filter. */
function indexesOf(keys: Keys, tenantId: string, { status, model, userId }: JobFilter): string[] {
  const fitting = [keys.jobIndex(tenantId, 'all')];
  if (userId !== undefined) fitting.push(keys.jobIndex(tenantId, 'user', userId));
  if (model !== undefined) fitting.push(keys.jobIndex(tenantId, 'model', model));
  // There is no index of the completed ones: they are most of all.
  if (status === 'cancelling' || (status !== undefined && !isFinal(status))) {
    fitting.push(keys.jobIndex(tenantId, 'open'));
  } else if (status !== undefined && status !== 'completed') {
    fitting.push(keys.jobIndex(tenantId, 'state', status));
  }
  return fitting;
}

function fits(row: (string | null)[], tenantId: string, filter: JobFilter, nowMs: number): boolean {
  const [tenant, state, stop, expiresMs, user, target, endpoint, stored, metadata] = row;
  if (tenant !== tenantId || !state || (expiresMs && Number(expiresMs) <= nowMs)) return false;
  const isSame = (wanted: string | undefined, value: string | null | undefined) =>
    wanted === undefined || wanted === value;
  return (
    isSame(filter.status, statusOf({ state: state as JobState, stop })) &&
    isSame(filter.userId, user) &&
    isSame(filter.model, target) &&
    isSame(filter.endpoint, endpoint) &&
    (!filter.isStored || (stored === '1' && hasAnswer(state))) &&
    isLabelled(filter.metadata, metadata)
  );
}

const hasAnswer = (state: string) => state === 'completed' || state === 'incomplete';

function isLabelled(wanted: JobFilter['metadata'], metadata: string | null | undefined): boolean {
  if (!wanted) return true;
  const labels = JSON.parse(metadata ?? '{}') as Record<string, string>;
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/** An empty page would say that there is nothing further. */
function tooFar(direction: Walk['direction'], { createdMs }: IndexPlace, looks: number): GatewayError {
  const [field, ms] = direction === 'older' ? ['created_before', createdMs + 1] : ['created_after', createdMs - 1];
  const detail = `must be given: none of the ${looks} jobs up to here fits; go on with ${new Date(ms).toISOString()}`;
  return invalidField(field, detail);
}
