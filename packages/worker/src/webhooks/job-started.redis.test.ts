import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createSettlement } from '../settlement/settlement.ts';
import { acceptJob, followJob } from '../test-job.ts';

let redis: Redis;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
afterAll(() => redis.quit());

test('the start of a call is told of each job that shares it and has a webhook, once', async () => {
  const keys = createKeys(`test-${randomUUID()}`);
  const settlement = createSettlement({ redis, keys, cacheMaxBytes: 1_000_000 });
  const webhook = JSON.stringify({ url: 'https://example.com/hook', events: ['job.started'] });
  const leader = await acceptJob(redis, keys, { flight: 'd', webhook });
  const follower = await followJob(redis, keys, leader, { webhook });
  await followJob(redis, keys, leader);
  await settlement.begin(leader, 1, 'first');
  await settlement.begin(leader, 2, 'second');
  const told = (await redis.xrange(keys.webhookOutbox, '-', '+')).map(([, fields]) => pairsToHash(fields));
  expect(told.map(({ job, type }) => [job, type])).toEqual([
    [leader, 'job.started'],
    [follower, 'job.started'],
  ]);
});
