import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { type JobRecord, type NewJobFields, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

/** The record of a job as acceptance leaves it. */
function acceptedHash(id: string, fields: Partial<NewJobFields>): Record<string, string> {
  const accepted: NewJobFields = {
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
    ...fields,
  };
  return { v: '1', state: 'queued', attempt: '0', createdMs: String(Date.now()), ...accepted };
}

/** Such a record as it is read. For tests. */
export function testRecord(fields: Partial<NewJobFields> = {}): JobRecord {
  const record = parseJobRecord(acceptedHash(makeJobId(), fields));
  if (!record) throw new Error('an empty record');
  return record;
}

/** Writes such a record, and gives its id. For tests. */
export async function acceptJob(redis: Redis, keys: Keys, fields: Partial<NewJobFields> = {}): Promise<string> {
  const id = makeJobId();
  await redis.hset(keys.job(id), acceptedHash(id, fields));
  await redis.pexpire(keys.job(id), 7 * 24 * 3600 * 1000);
  return id;
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
