import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { type LedgerRow, ledgerRow } from '@llm-gateway/shared/contracts/ledger-row';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { createKeeper, type KeptAnswer } from '../test/keep-answer.ts';
import { createCacheLookup, type LookOptions } from './cache-lookup.ts';
import { cachedRow } from './cached-row.ts';
import type { GenerationRequest } from './generation-request.ts';

let redis: Redis;
let keys: Keys;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
beforeEach(() => {
  keys = createKeys(`test-${randomUUID()}`);
});
afterAll(() => redis.quit());

const answer: PricedAnswer = {
  text: 'Hello "you" \\ 🐻',
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { promptTokens: 11, completionTokens: 7, totalTokens: 18 },
  usageSource: 'provider',
  providerModel: 'gpt-4o-2024-11-20',
  providerRequestId: null,
  costNanoUsd: '97500',
  priceVersion: 'test',
};

const model = (() => {
  const found = resolveModel('gpt-4o');
  if (!found) throw new Error('there is no gpt-4o');
  return found;
})();

function makeRequest(changes: Partial<GenerationRequest> = {}): GenerationRequest {
  return {
    tenantId: 'acme',
    userId: 'ann',
    share: 'user:ann',
    endpoint: '/v1/generate',
    dialect: 'native',
    model: 'gpt-4o',
    generation: { messages: [{ role: 'user', text: 'Hello' }] },
    nativeOnly: [],
    cache: {},
    metadata: {},
    requestId: 'req_1',
    clientRequestId: 'mine',
    fingerprint: 'f',
    isRetry: false,
    isWaitedFor: true,
    isStreamed: false,
    isUnrepeatable: false,
    isBatch: false,
    wantsJob: false,
    isBackground: false,
    queue: { priority: 5, onDisconnect: 'continue' },
    ...changes,
  };
}

const look = (request = makeRequest(), options: LookOptions = { booksHit: true }) =>
  createCacheLookup({ redis, keys, ttlMs: 60_000 }).look(request, [model], options);

/** Looks, and keeps the answer that is missed. */
async function fill(changes: Partial<KeptAnswer> = {}, request = makeRequest()): Promise<void> {
  const { store } = await look(request);
  if (!store) throw new Error('nothing is to be kept');
  const { tenantId: tenant, userId: user, cache } = request;
  const entry = {
    digest: store.digest,
    tenant,
    user,
    namespace: cache.namespace,
    target: model.id,
    ttlMs: store.ttlMs,
  };
  const state = 'completed';
  const text = JSON.stringify(answer);
  await createKeeper(redis, keys)({ ...entry, answer: text, job: 'job_1', state, costNanoUsd: '97500', ...changes });
}

const figures = (tenant?: string) => redis.hgetall(keys.cacheStats(tenant));

async function rows(): Promise<LedgerRow[]> {
  const entries = await redis.xrange(keys.ledger, '-', '+');
  return entries.map(([, fields]) => {
    expect([fields[0], fields[2]]).toEqual(['row', 't']);
    expect(Math.abs(Number(fields[3]) - Date.now())).toBeLessThan(60_000);
    return ledgerRow.parse(JSON.parse(fields[1] ?? ''));
  });
}

describe('a hit', () => {
  test('leaves a row for the ledger: nothing used, and saved what the answer had cost', async () => {
    await fill();
    const { hit } = await look(makeRequest({ requestId: 'req_2', keyId: 'key_7', userId: 'Zoë "z" 🐻' }));
    expect(hit?.entry).toMatchObject({ answer, user: 'ann' });
    expect(await rows()).toEqual([
      {
        generation: expect.stringMatching(/^req_[0-9A-Z]{26}$/),
        call: 0,
        kind: 'cached',
        status: 'completed',
        tenant: 'acme',
        key: 'key_7',
        user: 'Zoë "z" 🐻',
        model: 'openai/gpt-4o',
        provider: 'openai',
        endpoint: '/v1/generate',
        request: 'req_2',
        promptTokens: 0,
        completionTokens: 0,
        cachedPromptTokens: 0,
        cacheWriteTokens: 0,
        reasoningTokens: 0,
        usageSource: 'none',
        costNanoUsd: '0',
        savedNanoUsd: '97500',
        priceVersion: null,
        latencyMs: null,
        firstTokenMs: null,
        providerRequest: null,
      },
    ]);
  });

  test('of an answer cut short says so; the key is empty where none was sent', async () => {
    await fill({ state: 'incomplete' });
    await look();
    expect(await rows()).toMatchObject([{ status: 'incomplete', key: '' }]);
  });

  test('leaves the same row as a job that is answered from the cache', async () => {
    await fill();
    const request = makeRequest({ requestId: 'req_2', keyId: 'key_7' });
    const { hit } = await look(request);
    if (!hit) throw new Error('no hit');
    const [row, ...more] = await rows();
    expect(row).toEqual(ledgerRow.parse(cachedRow(row?.generation ?? '', request, model, hit.entry)));
    expect(more).toEqual([]);
  });

  test('has a row of its own whatever id its client gives the request: that of another one, or of a job', async () => {
    await fill();
    for (const requestId of ['same', 'same', 'job_1']) await look(makeRequest({ requestId }));
    const found = await rows();
    expect(found.map(({ request }) => request)).toEqual(['same', 'same', 'job_1']);
    const names = found.map(({ generation }) => generation);
    expect(new Set(names).size).toBe(3);
    expect(names).not.toContain('job_1');
  });

  test('leaves no row where a job will, and counts all the same', async () => {
    await fill();
    const { hit } = await look(makeRequest(), { booksHit: false });
    expect(hit?.entry.costNanoUsd).toBe('97500');
    expect(await rows()).toEqual([]);
    expect(await figures('acme')).toMatchObject({ hits: '1', misses: '1', savedNanoUsd: '97500' });
  });

  test('adds up to the nano-dollar what it saves', async () => {
    await fill({ costNanoUsd: '4503599627370497' });
    for (const requestId of ['req_2', 'req_3', 'req_4']) await look(makeRequest({ requestId }));
    for (const tenant of ['acme', undefined]) {
      expect(await figures(tenant)).toMatchObject({ hits: '3', savedNanoUsd: '13510798882111491' });
    }
    expect((await rows()).map(({ savedNanoUsd }) => savedNanoUsd)).toEqual(Array(3).fill('4503599627370497'));
  });

  test('of an answer without a price saves nothing that is known', async () => {
    await fill({ costNanoUsd: null });
    await look();
    expect(await rows()).toMatchObject([{ savedNanoUsd: '0' }]);
    expect(await figures('acme')).toMatchObject({ hits: '1', savedNanoUsd: '0' });
  });

  test('of an entry from before costs were kept is one all the same', async () => {
    await fill();
    const { store } = await look(makeRequest({ cache: { noCache: true } }));
    await redis.hdel(keys.cacheEntry(store?.digest ?? ''), 'costNanoUsd', 'user');
    const { hit } = await look();
    expect(hit?.entry).toMatchObject({ answer, costNanoUsd: '' });
    expect(hit?.entry.user).toBeUndefined();
    expect(await rows()).toMatchObject([{ status: 'completed', savedNanoUsd: '0' }]);
  });
});

describe('no hit', () => {
  test.for([
    ['another user text', { generation: { messages: [{ role: 'user', text: 'Hello?' }] } }],
    ['another namespace', { cache: { namespace: 'blue' } }],
    ['a life that is too short', { cache: { minFreshS: 61 } }],
    ['an age that is too high', { cache: { maxAgeS: 0 } }],
  ] as [string, Partial<GenerationRequest>][])('by %s counts as a miss and leaves no row', async ([, changes]) => {
    await fill();
    await redis.hset(keys.cacheEntry((await look(makeRequest({ cache: { noCache: true } }))).store?.digest ?? ''), {
      storedMs: Date.now() - 5000,
    });
    expect((await look(makeRequest(changes))).hit).toBeUndefined();
    for (const tenant of ['acme', undefined]) expect(await figures(tenant)).toMatchObject({ misses: '2' });
    expect(await figures('acme')).not.toHaveProperty('hits');
    expect(await rows()).toEqual([]);
  });

  test("for another tenant's equal request, whose figures are its own", async () => {
    await fill();
    expect((await look(makeRequest({ tenantId: 'globex' }))).hit).toBeUndefined();
    await look();
    expect(await figures('globex')).toEqual({ misses: '1' });
    expect(await figures('acme')).toMatchObject({ misses: '1', hits: '1' });
    expect(await figures()).toMatchObject({ misses: '2', hits: '1' });
    expect((await rows()).map(({ tenant }) => tenant)).toEqual(['acme']);
  });
});
