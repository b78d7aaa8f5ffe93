import '@llm-gateway/testkit/provided-context';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readSpendSubject, spendSubject } from '../budget/spend-subject.ts';
import { defineScript } from './define-script.ts';
import { createKeys, type JobIndexKind } from './keys.ts';

let redis: Redis;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
afterAll(() => redis.quit());

const keys = createKeys('test-keys');

const lua = (expression: string) => {
  const script = defineScript(redis, `${keys.lua} return ${expression}`);
  return (...args: string[]) => script([keys.due], args);
};

// What clients may choose: well-formed, for an HTTP body carries nothing else.
const freeText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('a b', '100%', '%20', 'ann:bob', 'a|b', `"'`, 'Bären 🐻', 'a{b}', 'a\nb', "-_.!~*'()", ';,/?:@&=+$#'),
);

test.for(['due', 'unqueued', 'control'] as const)('%s is the same key for scripts', async (name) => {
  expect(await lua(`K.${name}`)()).toBe(keys[name]);
});

test('so are those of the cache, the webhooks and the ledger', async () => {
  expect(await lua('{ K.cache_index, K.webhook_outbox, K.ledger }')()).toEqual([
    keys.cacheIndex,
    keys.webhookOutbox,
    keys.ledger,
  ]);
});

const ofOneName = [
  ['job', keys.job],
  ['readers', keys.readers],
  ['wake_channel', keys.wakeChannel],
  ['log', keys.log],
  ['log_channel', keys.logChannel],
  ['followers', keys.followers],
  ['flight', keys.flight],
  ['idempotency', keys.idempotency],
  ['gone', keys.gone],
  ['parked', keys.parked],
  ['fair_clock', keys.fairClock],
  ['fair_flows', keys.fairFlows],
  ['attach', keys.attach],
  ['cache_entry', keys.cacheEntry],
  ['webhook_endpoints', keys.webhookEndpoints],
  ['webhook_delivery', keys.webhookDelivery],
  ['webhook_deliveries', keys.webhookDeliveries],
] as const;

test('and those that carry an id or a digest', async () => {
  const spelled = await lua(`{ ${ofOneName.map(([name]) => `K.${name}(ARGV[1])`).join(', ')} }`)('job_01ABC');
  expect(spelled).toEqual(ofOneName.map(([, spell]) => spell('job_01ABC')));
});

test('every function of the scripts is among these, or has a test of its own', async () => {
  const names = [...keys.lua.matchAll(/function K\.(\w+)/g)].map(([, name]) => name);
  const known = [...ofOneName.map(([name]) => name), 'encode', 'job_index', 'spend', 'cache_stats'];
  expect(names.toSorted()).toEqual(known.toSorted());
});

test('the index of a user or a model is the same, whatever its name', async () => {
  const spell = lua('K.job_index(ARGV[1], ARGV[2], ARGV[3])');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<JobIndexKind>('user', 'model', 'state', 'all', 'open'),
      freeText,
      async (kind, name) => {
        expect(await spell('acme', kind, name)).toBe(keys.jobIndex('acme', kind, name));
      },
    ),
  );
  expect(await lua("K.job_index('acme', 'all')")()).toBe(keys.jobIndex('acme', 'all'));
});

test('what a user has spent is counted under the same key, whatever its name', async () => {
  const ofUser = lua("K.spend('user:' .. ARGV[1] .. ':' .. K.encode(ARGV[2]), ARGV[3])");
  await fc.assert(
    fc.asyncProperty(freeText, async (userId) => {
      const expected = keys.spend(spendSubject.user('acme', userId), '2026-11-24');
      expect(await ofUser('acme', userId, '2026-11-24')).toBe(expected);
      expect(readSpendSubject(spendSubject.user('acme', userId))).toEqual({ scope: 'user', id: userId });
    }),
  );
  expect(await lua("K.spend('tenant:acme', 'total')")()).toBe(keys.spend(spendSubject.tenant('acme'), 'total'));
  expect(await lua("K.spend('key:' .. ARGV[1], 'total')")('key_1')).toBe(
    keys.spend(spendSubject.key('key_1'), 'total'),
  );
});

test('the figures of the cache are kept under the same keys, of a tenant and of all', async () => {
  expect(await lua('K.cache_stats()')()).toBe(keys.cacheStats());
  expect(await lua("K.cache_stats('acme')")()).toBe(keys.cacheStats('acme'));
});

test('no name of a user spells the key of another one', async () => {
  await fc.assert(
    fc.property(freeText, freeText, (one, other) => {
      fc.pre(one !== other);
      expect(keys.jobIndex('acme', 'user', one)).not.toBe(keys.jobIndex('acme', 'user', other));
    }),
  );
});
