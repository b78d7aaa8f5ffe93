import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { parseCacheMember } from '@llm-gateway/shared/cache/cache-entry';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { createKeys } from '@llm-gateway/shared/redis/keys';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createCacheLookup } from '../admission/cache-lookup.ts';
import type { GenerationRequest } from '../admission/generation-request.ts';
import { createKeeper } from '../test/keep-answer.ts';
import { type CacheFilter, type CacheStats, createCacheStore } from './cache-store.ts';

let redis: Redis;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
afterAll(() => redis.quit());

const tenants = ['acme', 'globex', 'ten_01JDEFGHJKMNPQRSTVWXYZ0123'] as const;
const users = ['ann', 'bob'] as const;
const models = ['openai/gpt-4o', 'openai/gpt-4o-mini'] as const;
const namespaces = [undefined, 'blue'] as const;
const boundBytes = 9000;

const tenant = fc.constantFrom(...tenants);
const maybe = <T extends string>(values: readonly T[]) => fc.constantFrom(undefined, ...values);

/** A request; where the cache has no answer, a provider gives one that is kept. */
const ask = fc.record({
  kind: fc.constant('ask' as const),
  tenant,
  user: fc.constantFrom(...users),
  model: fc.constantFrom(...models),
  namespace: fc.constantFrom(...namespaces),
  noCache: fc.boolean(),
  // With a clock that runs by 1 ms from step to step, no two entries expire at once.
  ttlMs: fc.integer({ min: 400, max: 900 }).map((count) => count * 64),
  length: fc.integer({ min: 0, max: 3000 }),
  costNanoUsd: fc.constantFrom(null, '0', '97500', '123456789012345678'),
});
/** The time of an entry comes: that with the place among those there are. */
const expire = fc.record({ kind: fc.constant('expire' as const), place: fc.nat({ max: 9 }) });
const clear = fc.record({
  kind: fc.constant('clear' as const),
  tenant,
  userId: maybe(users),
  model: maybe(models),
  namespace: maybe(['blue']),
});
type Ask = typeof ask extends fc.Arbitrary<infer Value> ? Value : never;
type Clear = typeof clear extends fc.Arbitrary<infer Value> ? Value : never;

interface ModelEntry {
  tenant: string;
  user: string;
  model: string;
  namespace: string | undefined;
  bytes: number;
  expiresMs: number;
  costNanoUsd: bigint;
}

const nothing = (): CacheStats => ({ entries: 0, hits: 0, misses: 0, coalesced: 0, bytes: 0, savedNanoUsd: 0n });

const priced = (text: string): PricedAnswer => ({
  text,
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { promptTokens: 11, completionTokens: 7, totalTokens: 18 },
  usageSource: 'provider',
  providerModel: 'gpt-4o-2024-11-20',
  providerRequestId: null,
  costNanoUsd: null,
  priceVersion: 'test',
});

/** A size of jemalloc's: of four between a power of two and the next. */
function allocated(length: number): number {
  let step = 2;
  while (8 * step <= length) step *= 2;
  return Math.ceil(length / step) * step;
}

/** The cache as it should be, in plain words. */
function createPlainCache() {
  const entries = new Map<string, ModelEntry>();
  const counted = new Map(tenants.map((name) => [name as string, nothing()]));
  const figuresOf = (name: string) => counted.get(name) ?? nothing();
  const bytesOf = (some: Iterable<ModelEntry>) => [...some].reduce((sum, { bytes }) => sum + bytes, 0);

  return {
    entries,

    look(digest: string | undefined, name: string): boolean {
      const entry = digest === undefined ? undefined : entries.get(digest);
      const figures = figuresOf(name);
      if (entry) {
        figures.hits += 1;
        figures.savedNanoUsd += entry.costNanoUsd;
      } else {
        figures.misses += 1;
      }
      return entry !== undefined;
    },

    put(digest: string, entry: ModelEntry): void {
      entries.delete(digest);
      const leaving = [...entries].toSorted(([, left], [, right]) => left.expiresMs - right.expiresMs);
      for (const [nearest] of leaving)
        if (bytesOf(entries.values()) + entry.bytes > boundBytes) entries.delete(nearest);
      entries.set(digest, entry);
    },

    clear(name: string, { userId, model, namespace }: CacheFilter): number {
      const matching = [...entries].filter(
        ([, entry]) =>
          entry.tenant === name &&
          (userId === undefined || entry.user === userId) &&
          (model === undefined || entry.model === model) &&
          (namespace === undefined || entry.namespace === namespace),
      );
      for (const [digest] of matching) entries.delete(digest);
      return matching.length;
    },

    stats(name: string): CacheStats {
      const own = [...entries.values()].filter((entry) => entry.tenant === name);
      return { ...figuresOf(name), entries: own.length, bytes: bytesOf(own) };
    },
  };
}

function openBench() {
  const keys = createKeys(`test-${randomUUID()}`);
  const store = createCacheStore(redis, keys);
  const lookup = createCacheLookup({ redis, keys, ttlMs: 60_000 });
  const keep = createKeeper(redis, keys, boundBytes);
  const plain = createPlainCache();
  let nowMs = Date.now();

  async function putAnswer(step: Ask, digest: string): Promise<void> {
    const { tenant: name, user, model: target, namespace = '', length, costNanoUsd, ttlMs } = step;
    nowMs += 1;
    const origin = { target, namespace, job: 'job_1', state: 'completed' } as const;
    const answer = JSON.stringify(priced('x'.repeat(length)));
    await keep({ ...origin, digest, tenant: name, user, answer, ttlMs, costNanoUsd }, nowMs);
    const texts = [name, user, ...Object.entries({ ...origin, costNanoUsd: costNanoUsd ?? '' }).flat()];
    const bytes = 1180 + allocated(answer.length + 10) + texts.join('').length;
    plain.put(digest, { ...step, bytes, expiresMs: nowMs + ttlMs, costNanoUsd: BigInt(costNanoUsd ?? 0) });
  }

  return {
    store,
    plain,
    bytes: async () => Number((await redis.hget(keys.cacheStats(), 'bytes')) ?? 0),

    async ask(step: Ask): Promise<void> {
      const { tenant: tenantId, user: userId, model: name, namespace, noCache } = step;
      const model = resolveModel(name);
      if (!model) throw new Error(`no model ${name}`);
      const request = {
        tenantId,
        userId,
        generation: { messages: [{ role: 'user', text: 'Hello' }] },
        cache: { namespace, noCache },
      } as GenerationRequest;
      // With a row of the ledger or without one: the figures are the same.
      const { hit, store: place } = await lookup.look(request, [model], { booksHit: userId === 'ann' });
      if (!noCache) {
        const digest = place?.digest ?? [...plain.entries].find(([, entry]) => isOf(entry, step))?.[0];
        expect(hit !== undefined).toBe(plain.look(digest, tenantId));
      }
      if (place) await putAnswer(step, place.digest);
    },

    async expire(place: number): Promise<void> {
      const digest = [...plain.entries.keys()][place];
      for (const member of await redis.zrange(keys.cacheIndex, '0', '-1')) {
        if (parseCacheMember(member).digest !== digest) continue;
        // What time does: the entry is gone, and the index has yet to hear of it.
        await redis.del(keys.cacheEntry(digest));
        await redis.zadd(keys.cacheIndex, '1', member);
        plain.entries.delete(digest);
      }
    },

    async clear({ tenant: name, ...filter }: Clear): Promise<void> {
      expect(await store.clear(name, filter)).toBe(plain.clear(name, filter));
    },
  };
}

/** Whether an entry answers such a request. */
const isOf = (entry: ModelEntry, step: Ask) =>
  entry.tenant === step.tenant && entry.model === step.model && entry.namespace === step.namespace;

const sum = (figures: CacheStats[]): CacheStats =>
  figures.reduce(
    (all, one) => ({
      entries: all.entries + one.entries,
      hits: all.hits + one.hits,
      misses: all.misses + one.misses,
      coalesced: all.coalesced + one.coalesced,
      bytes: all.bytes + one.bytes,
      savedNanoUsd: all.savedNanoUsd + one.savedNanoUsd,
    }),
    nothing(),
  );

test('the figures of every tenant are right after any course of events, and the memory is within its bound', async () => {
  const event = fc.oneof({ arbitrary: ask, weight: 6 }, expire, clear);
  // Not after every event: looking strikes off what has expired, which answers and clearing have to do as well.
  const course = fc.array(fc.tuple(event, fc.boolean()), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(course, async (events) => {
      const bench = openBench();
      for (const [step, looks] of events) {
        if (step.kind === 'ask') await bench.ask(step);
        if (step.kind === 'expire') await bench.expire(step.place);
        if (step.kind === 'clear') await bench.clear(step);
        expect(await bench.bytes()).toBeLessThanOrEqual(boundBytes);
        if (looks) await expectFigures(bench);
      }
      await expectFigures(bench);
    }),
    { numRuns: 100 },
  );
});

async function expectFigures({ store, plain }: ReturnType<typeof openBench>): Promise<void> {
  const figures: CacheStats[] = [];
  for (const name of tenants) figures.push(await store.stats(name));
  expect(figures).toEqual(tenants.map((name) => plain.stats(name)));
  expect(await store.stats()).toEqual(sum(figures));
}
