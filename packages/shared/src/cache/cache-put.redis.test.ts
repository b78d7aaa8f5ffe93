import '@llm-gateway/testkit/provided-context';
import { createHash, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { defineScript, type RunScript } from '../redis/define-script.ts';
import { createKeys, type Keys } from '../redis/keys.ts';
import { cacheEntry, cachePutLua, parseCacheMember } from './cache-entry.ts';

let redis: Redis;
let keys: Keys;
let putScript: RunScript;

beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(() => {
  keys = createKeys(`test-${randomUUID()}`);
  const call = 'cache_put({ tenant = ARGV[1], user = ARGV[2] }, ARGV[3], cjson.decode(ARGV[4]), tonumber(ARGV[5]))';
  putScript = defineScript(redis, [keys.lua, cachePutLua, call].join('\n'));
});
afterAll(() => redis.quit());

const digestOf = (name: string) => createHash('sha256').update(name).digest('hex');

interface Put {
  name: string;
  answer?: string;
  tenant?: string;
  user?: string;
  namespace?: string;
  ttlMs?: number;
  maxBytes?: number;
}

async function put({ name, answer = 'x', tenant = 'acme', user = 'ann', namespace = '', ...bounds }: Put) {
  const { ttlMs = 60_000, maxBytes = 1e9 } = bounds;
  const fields = { namespace, target: 'openai/gpt-4o', job: `job_${name}`, state: 'completed', costNanoUsd: '97500' };
  const entry = { digest: digestOf(name), ttl_ms: ttlMs, max_bytes: maxBytes, fields: Object.entries(fields).flat() };
  await putScript([keys.cacheIndex], [tenant, user, answer, JSON.stringify(entry), Date.now()]);
}

const figures = (tenant?: string) => redis.hgetall(keys.cacheStats(tenant));
const isKept = async (name: string) => (await redis.exists(keys.cacheEntry(digestOf(name)))) === 1;
const countedBytes = async (name: string) => Number(await redis.hget(keys.cacheEntry(digestOf(name)), 'bytes'));

describe('the bound is one on memory', () => {
  const long = 'u'.repeat(128);
  test.for([
    [200, 'ann', ''],
    [300, 'ann', ''],
    [1030, 'ann', 'blue'],
    [300, long, long],
    [66_000, 'ann', ''],
    [1_050_000, long, long],
  ] as const)('an answer of %i bytes is counted as no less than it takes, and as little more', async (shape) => {
    const [length, user, namespace] = shape;
    const count = 200;
    for (let number = 0; number < count; number += 1) {
      await put({ name: `n${number}`, answer: number === 0 ? 'x'.repeat(length) : 'x', user, namespace });
    }
    const entry = Number(await redis.memory('USAGE', keys.cacheEntry(digestOf('n0')), 'SAMPLES', 0));
    const index = Number(await redis.memory('USAGE', keys.cacheIndex, 'SAMPLES', 0)) / count;
    const counted = await countedBytes('n0');
    expect(counted).toBeGreaterThanOrEqual(entry + index);
    expect(counted).toBeLessThan((entry + index) * 1.4);
  });
});

describe('an answer for which many would have to leave', () => {
  test('comes, as long as they are some hundreds', async () => {
    for (let number = 0; number < 300; number += 1) await put({ name: `small${number}` });
    const maxBytes = Number((await figures()).bytes);
    await put({ name: 'large', answer: 'x'.repeat(300_000), maxBytes });
    expect(await isKept('large')).toBe(true);
    expect(Number((await figures()).bytes)).toBeLessThanOrEqual(maxBytes);
  });

  test('is not kept beyond that, and the bound holds', async () => {
    for (let number = 0; number < 700; number += 1) await put({ name: `small${number}` });
    const maxBytes = Number((await figures()).bytes);
    await put({ name: 'huge', answer: 'x'.repeat(700_000), maxBytes });
    expect(await isKept('huge')).toBe(false);
    expect(Number((await figures()).bytes)).toBeLessThanOrEqual(maxBytes);
    expect(await redis.zcard(keys.cacheIndex)).toBe(200);
  });
});

test('a bound that was lowered is reached by and by, and nothing new is kept until then', async () => {
  for (let number = 0; number < 1200; number += 1) await put({ name: String(number).padStart(5, '0') });
  const maxBytes = 10 * (await countedBytes('00000'));
  const sizes: number[] = [];
  for (const name of ['new-1', 'new-2', 'new-3']) {
    await put({ name, maxBytes });
    sizes.push(await redis.zcard(keys.cacheIndex));
  }
  expect(sizes).toEqual([700, 200, 10]);
  expect([await isKept('new-1'), await isKept('new-2'), await isKept('new-3')]).toEqual([false, false, true]);
});

test('a digest that comes back outlives its own expired member', async () => {
  await put({ name: 'again', answer: 'first', ttlMs: 60_000 });
  for (let number = 0; number < 250; number += 1) await put({ name: `n${number}` });
  // As time leaves them: the entries are gone, the members past their time. One answer strikes off a hundred.
  const members = await redis.zrange(keys.cacheIndex, '0', '-1');
  for (const member of members) {
    await redis.del(keys.cacheEntry(parseCacheMember(member).digest));
    await redis.zadd(keys.cacheIndex, parseCacheMember(member).digest === digestOf('again') ? '2' : '1', member);
  }
  await put({ name: 'again', answer: 'second, of another size' });
  expect(await redis.zcard(keys.cacheIndex)).toBe(152);
  await put({ name: 'large', answer: 'x'.repeat(5000), maxBytes: 8500 });
  expect(await isKept('again')).toBe(true);
  expect(await redis.zcard(keys.cacheIndex)).toBe(2);
});

describe('beside entries of a version that knew no tenants', () => {
  async function putOld(name: string, bytes: number, expiresMs = Date.now() + 60_000) {
    const entry = { answer: 'old', bytes, storedMs: 1, tenant: 'acme', namespace: '', target: 'm', job: 'j' };
    await redis.hset(keys.cacheEntry(digestOf(name)), { ...entry, state: 'completed' });
    await redis.zadd(keys.cacheIndex, String(expiresMs), `${bytes}:${digestOf(name)}`);
    await redis.hincrby(keys.cacheStats(), 'bytes', bytes);
  }

  test('a new one of the same digest takes the place of the old', async () => {
    await putOld('n', 400);
    await put({ name: 'n' });
    expect(await redis.zcard(keys.cacheIndex)).toBe(1);
    const bytes = String(await countedBytes('n'));
    expect(await figures()).toEqual({ bytes });
    expect(await figures('acme')).toEqual({ bytes, entries: '1' });
  });

  test('they expire and leave for others, and no tenant is charged for it', async () => {
    await putOld('expired', 400, Date.now() - 1);
    await putOld('nearest', 400, Date.now() + 10_000);
    await put({ name: 'new', maxBytes: 1500 });
    expect([await isKept('nearest'), await isKept('new')]).toEqual([false, true]);
    const bytes = String(await countedBytes('new'));
    expect(await figures()).toEqual({ bytes });
    expect(await figures('acme')).toEqual({ bytes, entries: '1' });
  });

  test('such a version finds size and digest of the new ones', async () => {
    await put({ name: 'n', tenant: 'ten_01' });
    const [member = ''] = await redis.zrange(keys.cacheIndex, '0', '-1');
    expect(Number.parseInt(member, 10)).toBe(await countedBytes('n'));
    expect(member.slice(member.indexOf(':') + 1)).toBe(digestOf('n'));
  });
});

test('an entry says whose it is and what it cost', async () => {
  await put({ name: 'n', tenant: 'acme', user: 'Zoë', namespace: 'blue', answer: JSON.stringify(priced) });
  expect(cacheEntry.parse(await redis.hgetall(keys.cacheEntry(digestOf('n'))))).toMatchObject({
    answer: priced,
    tenant: 'acme',
    user: 'Zoë',
    namespace: 'blue',
    costNanoUsd: '97500',
  });
});

const priced = {
  text: 'Hello',
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { promptTokens: 11, completionTokens: 7, totalTokens: 18 },
  usageSource: 'provider',
  providerModel: 'gpt-4o',
  providerRequestId: null,
  costNanoUsd: '97500',
  priceVersion: 'test',
};

test.for([
  ['413:abc', { digest: 'abc' }],
  ['413@acme:abc', { digest: 'abc', tenantId: 'acme' }],
  ['413@a:b@c:abc', { digest: 'abc', tenantId: 'a:b@c' }],
] as const)('the member %s is read as %o', ([member, parts]) => {
  expect(parseCacheMember(member)).toEqual(parts);
});
