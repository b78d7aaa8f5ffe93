import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { LogEntry } from '@llm-gateway/shared/contracts/event';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { type LedgerRow, ledgerRow } from '@llm-gateway/shared/contracts/ledger-row';
import { parseLogEntry } from '@llm-gateway/shared/event-log/log-entry';
import { type JobRecord, type NewJobFields, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import type { Redis } from 'ioredis';

/** What acceptance writes, and what tests write of what comes later. */
export type TestFields = Partial<
  NewJobFields &
    Record<
      | 'attempt'
      | 'createdMs'
      | 'deadlineMs'
      | 'delayedUntilMs'
      | 'flight'
      | 'hold'
      | 'holding'
      | 'idempotency'
      | 'leader'
      | 'queuePriority'
      | 'spendDay'
      | 'startDeadlineMs'
      | 'startedMs'
      | 'state'
      | 'tag',
      string
    >
>;

/** What the api writes of a job that it accepts. For tests. */
export const acceptedFields = (id: string): NewJobFields => ({
  tenant: 'acme',
  user: 'ann',
  endpoint: '/v1/generate',
  lane: 'sandbox',
  model: 'sandbox/echo',
  target: 'sandbox/echo',
  request: `req_${id}`,
  clientRequest: '',
  generation: JSON.stringify({ messages: [{ role: 'user', text: 'Hello' }] }),
  metadata: '{}',
  maxAttempts: '3',
  priority: '5',
  resultTtlMs: '60000',
  onDisconnect: 'continue',
});

/** The record of a job as acceptance leaves it. */
function acceptedHash(id: string, fields: TestFields): Record<string, string> {
  const accepted = { ...acceptedFields(id), tag: '40', queuePriority: '41', ...fields };
  return { v: '1', state: 'queued', attempt: '0', createdMs: String(Date.now()), ...accepted };
}

/** Such a record as it is read. For tests. */
export function testRecord(fields: TestFields = {}): JobRecord {
  const record = parseJobRecord(acceptedHash(makeJobId(), fields));
  if (!record) throw new Error('an empty record');
  return record;
}

const unfinishedMs = 7 * 24 * 3600 * 1000;

/** Writes such a record with its indexes and its flight, and gives its id. For tests. */
export async function acceptJob(redis: Redis, keys: Keys, fields: TestFields = {}): Promise<string> {
  const id = makeJobId();
  const hash = acceptedHash(id, fields);
  const { tenant = '', user, target, createdMs = '', flight } = hash;
  await redis.hset(keys.job(id), hash);
  await redis.pexpire(keys.job(id), unfinishedMs);
  for (const index of [
    keys.jobIndex(tenant, 'all'),
    keys.jobIndex(tenant, 'open'),
    keys.jobIndex(tenant, 'user', user),
    keys.jobIndex(tenant, 'model', target),
  ]) {
    await redis.zadd(index, createdMs, id);
  }
  if (flight !== undefined) await redis.set(keys.flight(flight), id);
  return id;
}

/** Accepts a job that shares the call of another one, and gives its id. For tests. */
export async function followJob(redis: Redis, keys: Keys, leader: string, fields: TestFields = {}): Promise<string> {
  const [state, attempt, startedMs] = await redis.hmget(keys.job(leader), 'state', 'attempt', 'startedMs');
  const id = await acceptJob(redis, keys, {
    leader,
    state: state ?? 'queued',
    attempt: attempt ?? '0',
    ...(startedMs ? { startedMs } : {}),
    ...fields,
  });
  await redis.zadd(keys.followers(leader), Date.now(), id);
  return id;
}

/** The record as every reader sees it. Throws when there is none. For tests. */
export async function readJob(redis: Redis, keys: Keys, id: string): Promise<JobRecord> {
  const record = parseJobRecord(await redis.hgetall(keys.job(id)));
  if (!record) throw new Error(`no record of ${id}`);
  return record;
}

/** The entries of a job's log. For tests. */
export async function readLog(redis: Redis, keys: Keys, id: string): Promise<LogEntry[]> {
  return (await redis.xrange(keys.log(id), '-', '+')).flatMap((entry) => parseLogEntry(entry) ?? []);
}

/** The rows of the ledger that wait in the outbox. For tests. */
export async function readRows(redis: Redis, keys: Keys): Promise<LedgerRow[]> {
  const entries = await redis.xrange(keys.ledger, '-', '+');
  return entries.map(([, fields]) => ledgerRow.parse(JSON.parse(pairsToHash(fields).row ?? '')));
}

/** What stands in a budget, in nano-dollars. For tests. */
export interface TestSpend {
  spent: number;
  reserved: number;
  unsettled: number;
}

/** Reads what somebody has spent in a period, and has held back. For tests. */
export async function readSpend(redis: Redis, keys: Keys, subject: string, period = 'total'): Promise<TestSpend> {
  const counters = await redis.hmget(keys.spend(subject, period), 'spent', 'reserved', 'unsettled');
  const [spent, reserved, unsettled] = counters.map(Number) as [number, number, number];
  return { spent, reserved, unsettled };
}

/** What acceptance promises a job, as `book.lua` has it: by default 20,000 of the tenant's 100,000. For tests. */
export interface TestHold {
  nano: string;
  budgets: { subject: string; period: string; limit: string; alerts: number[] }[];
  tokens: number;
  windows: [key: string, windowMs: number][];
  places: string[];
  at: number;
}

export const testBudget = (changes: Partial<TestHold['budgets'][number]> = {}): TestHold['budgets'][number] => ({
  subject: 'tenant:acme',
  period: 'total',
  limit: '100000',
  alerts: [],
  ...changes,
});

export const testHold = (changes: Partial<TestHold> = {}): TestHold => ({
  nano: '20000',
  budgets: [testBudget()],
  tokens: 0,
  windows: [],
  places: [],
  at: Date.now(),
  ...changes,
});

/** Accepts a job that reserves its hold, if there is room for it, and gives its id. For tests. */
export async function acceptHeldJob(
  redis: Redis,
  keys: Keys,
  hold: TestHold,
  fields: TestFields = {},
  accept = (all: TestFields) => acceptJob(redis, keys, all),
): Promise<string> {
  const id = await accept({ ...fields, hold: JSON.stringify(hold) });
  const script = defineScript(
    redis,
    `${lifecycleLua(keys)} return hold_take(ARGV[1], cjson.decode(ARGV[2])) and 1 or 0`,
  );
  if ((await script([keys.job(id)], [id, JSON.stringify(hold)])) !== 1) throw new Error('no budget has room for it');
  return id;
}

/** `stop_job` as api and worker call it. For tests. */
export async function stopJob(
  redis: Redis,
  keys: Keys,
  id: string,
  reason: StopReason,
): Promise<{ outcome: string; heir: string | undefined }> {
  const script = defineScript(redis, `${lifecycleLua(keys)} return { stop_job(ARGV[1], ARGV[2], clock_ms()) }`);
  const [outcome, heir] = (await script([keys.job(id)], [id, reason])) as [string, string?];
  return { outcome, heir };
}

/** An answer as it is settled. For tests. */
export const pricedAnswer = (changes: Partial<PricedAnswer> = {}): PricedAnswer => ({
  text: 'Hi.',
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { promptTokens: 7, completionTokens: 3, totalTokens: 10 },
  usageSource: 'provider',
  providerModel: 'sandbox/echo',
  providerRequestId: null,
  costNanoUsd: '13000',
  priceVersion: 'test',
  ...changes,
});
