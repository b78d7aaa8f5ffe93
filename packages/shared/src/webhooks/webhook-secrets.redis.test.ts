import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { createKeys, type Keys } from '../redis/keys.ts';
import { createWebhookSecrets, overlapMs, type WebhookSecrets } from './webhook-secrets.ts';

let redis: Redis;
let keys: Keys;
let secrets: WebhookSecrets;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(() => {
  keys = createKeys(`test-${randomUUID()}`);
  secrets = createWebhookSecrets(redis, keys);
});
afterAll(() => redis.quit());

test('is made on first need, once, of 32 random bytes', async () => {
  const all = await Promise.all([secrets.valid('acme'), secrets.valid('acme'), secrets.valid('acme')]);
  expect(new Set(all.flat()).size).toBe(1);
  const [secret] = all[0];
  expect(Buffer.from(secret.replace('whsec_', ''), 'base64')).toHaveLength(32);
  expect(await secrets.valid('other')).not.toContain(secret);
});

test('one that was replaced signs on for a day, after the current one', async () => {
  const [first] = await secrets.valid('acme');
  const second = await secrets.rotate('acme');
  expect(await secrets.valid('acme')).toEqual([second, first]);
  const untilMs = Number(await redis.zscore(keys.webhookSecret('acme'), first));
  expect(Math.abs(untilMs - Date.now() - overlapMs)).toBeLessThan(10_000);

  await redis.zadd(keys.webhookSecret('acme'), Date.now() - 10_000, first);
  expect(await secrets.valid('acme')).toEqual([second]);
});

test('a second replacement within the day does not cut short what the first one promised', async () => {
  const [first] = await secrets.valid('acme');
  const second = await secrets.rotate('acme');
  const third = await secrets.rotate('acme');
  expect(await secrets.valid('acme')).toEqual(expect.arrayContaining([third, second, first]));
  expect((await secrets.valid('acme'))[0]).toBe(third);
});

test('however often it is replaced, a bounded number signs, and the current one is among them', async () => {
  let current = '';
  for (let round = 0; round < 10; round += 1) current = await secrets.rotate('acme');
  const valid = await secrets.valid('acme');
  expect(valid).toHaveLength(5);
  expect(valid[0]).toBe(current);
});
