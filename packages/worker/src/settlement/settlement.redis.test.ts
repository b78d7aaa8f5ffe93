import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pricedAnswer, type TestFields } from '../test-job.ts';
import { openSettlementBench } from '../test-settlement.ts';

const resultTtlMs = 60_000;
const weekMs = 7 * 24 * 3600 * 1000;
const failure = { code: 'provider_refused', detail: 'sandbox answered 400.', provider: 'sandbox' } as const;
const next = { attempt: 2, afterMs: 0, reason: 'provider_busy' };
const day = () => new Date().toISOString().slice(0, 10);

const { accept, begin, keys, read, redis, rows, settlement, spend } = openSettlementBench();

/** A job accepted, begun and settled. */
async function settled(fields: TestFields, answer: PricedAnswer = pricedAnswer(), by = settlement()) {
  const id = await accept(fields);
  const { record, run } = await begin(id);
  expect((await by.settle(run, record, answer)).kind).toBe('settled');
  return id;
}

describe('begin', () => {
  test('the first run finds the record as it was accepted, and leaves its mark', async () => {
    const id = await accept({ user: 'bob' });
    const beginning = await begin(id, 1, 'run-1');
    expect(beginning).toMatchObject({ losses: 0, record: { state: 'in_progress', user: 'bob', attempt: 1 } });
    expect(beginning.record.startedMs).toBeGreaterThanOrEqual(beginning.record.createdMs);
    expect(await redis().hget(keys().job(id), 'run')).toBe('run-1');
    expect(await redis().pttl(keys().job(id))).toBeGreaterThan(resultTtlMs);
  });

  test('a run that left without a word is a loss; each one counts', async () => {
    const id = await accept();
    expect((await begin(id)).losses).toBe(0);
    expect((await begin(id)).losses).toBe(1);
    expect((await begin(id)).losses).toBe(2);
  });

  test('a repeat of the same run, whose reply was lost with the connection, is no loss', async () => {
    const id = await accept();
    await begin(id, 1, 'run-1');
    expect((await begin(id, 1, 'run-1')).losses).toBe(0);
  });

  test('a run that was released is none', async () => {
    const id = await accept();
    await begin(id, 1, 'run-1');
    await settlement().release({ id, run: 'run-1' }, next);
    expect((await begin(id, 2, 'run-2')).losses).toBe(0);
    await settlement().release({ id, run: 'run-2' }, next);
    expect((await begin(id, 3, 'run-3')).losses).toBe(0);
  });

  test('a release that comes too late does not clear the mark of the run after it', async () => {
    const id = await accept();
    await begin(id, 1, 'run-1');
    await begin(id, 1, 'run-2');
    await settlement().release({ id, run: 'run-1' }, next);
    expect(await redis().hget(keys().job(id), 'run')).toBe('run-2');
    expect((await begin(id)).losses).toBe(2);
  });

  test('a later attempt keeps the time of the first', async () => {
    const id = await accept();
    const first = await begin(id, 1, 'run-1');
    await redis().hset(keys().job(id), 'startedMs', 5);
    await settlement().release({ id, run: 'run-1' }, next);
    expect((await begin(id, 2)).record).toMatchObject({ attempt: 2, startedMs: 5 });
    expect(first.record.attempt).toBe(1);
  });

  test.for(['completed', 'incomplete', 'failed', 'cancelled', 'expired'])(
    'a job that is %s is not begun',
    async (state) => {
      const id = await accept();
      await redis().hset(keys().job(id), 'state', state);
      const before = await redis().hgetall(keys().job(id));
      expect(await settlement().begin(id, 1, 'run-1')).toEqual({ kind: 'ended' });
      expect(await redis().hgetall(keys().job(id))).toEqual(before);
    },
  );

  test('a record that has expired is missing, and nothing brings it back', async () => {
    const id = await accept();
    const { record, run } = await begin(id);
    await redis().del(keys().job(id));
    expect(await settlement().begin(id, 1, 'run-1')).toEqual({ kind: 'missing' });
    expect((await settlement().settle(run, record, pricedAnswer())).kind).toBe('missing');
    expect((await settlement().fail(run, record, failure)).kind).toBe('missing');
    await settlement().release({ id, run: 'run-1' }, next);
    expect(await redis().exists(keys().job(id))).toBe(0);
    expect(await redis().exists(keys().ledger, keys().spend('tenant:acme', 'total'))).toBe(0);
  });
});

describe('settle', () => {
  test.for([
    ['stop', 'completed'],
    ['tool_calls', 'completed'],
    ['other', 'completed'],
    ['length', 'incomplete'],
    ['content_filter', 'incomplete'],
  ] as const)('an answer that ended by %s leaves the job %s', async ([unified, state]) => {
    const answer = pricedAnswer({ finishReason: { unified, raw: 'as said' } });
    const id = await settled({}, answer);
    const record = await read(id);
    expect(record).toMatchObject({ state, answer });
    expect(record.failure).toBeUndefined();
    expect(record.expiresMs).toBe((record.finishedMs ?? 0) + resultTtlMs);
    expect(await redis().hexists(keys().job(id), 'run')).toBe(0);
  });

  test('the record is looked at again when its result has been kept long enough, and goes by itself a week later', async () => {
    const id = await settled({ resultTtlMs: '30000' });
    const { finishedMs = 0, expiresMs } = await read(id);
    expect(expiresMs).toBe(finishedMs + 30_000);
    expect(Number(await redis().zscore(keys().due, id))).toBe(expiresMs);
    for (const key of [keys().job(id), keys().log(id)]) {
      const ttl = await redis().pttl(key);
      expect(ttl).toBeLessThanOrEqual(weekMs + 30_000);
      expect(ttl).toBeGreaterThan(weekMs + 20_000);
    }
  });

  test('the second to settle changes nothing and counts nothing', async () => {
    const id = await accept({ cacheDigest: 'd', cacheTtlMs: '60000' });
    const { record, run } = await begin(id);
    expect((await settlement().settle(run, record, pricedAnswer())).kind).toBe('settled');
    const before = await everything();
    expect((await settlement().settle({ id, run: 'late' }, record, pricedAnswer({ text: 'Late.' }))).kind).toBe(
      'ended',
    );
    expect((await settlement().fail({ id, run: 'late' }, record, failure)).kind).toBe('ended');
    expect(await settlement().begin(id, 2, 'late')).toEqual({ kind: 'ended' });
    expect(await everything()).toEqual(before);
  });

  test('a run that was taken for dead may still be the one that settles', async () => {
    const id = await accept();
    const slow = await begin(id, 1, 'slow');
    await begin(id, 1, 'second');
    expect((await settlement().settle(slow.run, slow.record, pricedAnswer())).kind).toBe('settled');
    expect(await read(id)).toMatchObject({ state: 'completed' });
  });

  test('fifty at once settle once', async () => {
    const id = await accept({ cacheDigest: 'd', cacheTtlMs: '60000' });
    const { record } = await begin(id);
    const answers = Array.from({ length: 50 }, (_, index) => pricedAnswer({ text: `answer ${index}` }));
    const outcomes = await Promise.all(
      answers.map((answer, index) => settlement().settle({ id, run: `run-${index}` }, record, answer)),
    );
    const kinds = outcomes.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'settled')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'ended')).toHaveLength(49);
    expect((await read(id)).answer?.text).toBe(`answer ${kinds.indexOf('settled')}`);
    expect(await rows()).toHaveLength(1);
    expect(await spend('tenant:acme')).toMatchObject({ spent: 13_000 });
    expect(await redis().zcard(keys().cacheIndex)).toBe(1);
  });
});

describe('fail', () => {
  test('the record tells why, and so does the ledger; nothing is spent and nothing cached', async () => {
    const id = await accept({ cacheDigest: 'd', cacheTtlMs: '60000' });
    const { record, run } = await begin(id);
    expect((await settlement().fail(run, record, failure)).kind).toBe('settled');
    const failed = await read(id);
    expect(failed).toMatchObject({ state: 'failed', failure });
    expect(failed.answer).toBeUndefined();
    expect(await redis().hexists(keys().job(id), 'run')).toBe(0);
    expect(await redis().pttl(keys().job(id))).toBeLessThanOrEqual(weekMs + resultTtlMs);
    expect(Object.keys(await everything()).filter((key) => /spend|cache/.test(key))).toEqual([]);
    expect(await rows()).toMatchObject([{ generation: id, call: 1, status: 'failed', costNanoUsd: '0' }]);
  });

  test('an answer that comes after it changes nothing', async () => {
    const id = await accept();
    const { record, run } = await begin(id);
    await settlement().fail(run, record, failure);
    expect((await settlement().settle({ id, run: 'late' }, record, pricedAnswer())).kind).toBe('ended');
    expect((await read(id)).state).toBe('failed');
    expect(await redis().exists(keys().spend('tenant:acme', 'total'))).toBe(0);
  });
});

describe('what is spent', () => {
  test('is exact, per tenant, user and key, for all time, for the month and for the day', async () => {
    // Beyond what a double holds exactly, as sums of nano-dollars may be.
    const dear = pricedAnswer({ costNanoUsd: '9007199254740993' });
    await settled({ user: 'ann', key: 'key_1' }, dear);
    await settled({ user: 'ann' });
    await settled({ user: 'bob' });
    await settled({ tenant: 'other', user: 'ann' });
    const expected = [
      ['tenant:acme', '9007199254766993'],
      ['user:acme:ann', '9007199254753993'],
      ['user:acme:bob', '13000'],
      ['key:key_1', '9007199254740993'],
      ['tenant:other', '13000'],
      ['user:other:ann', '13000'],
    ] as const;
    for (const [subject, spent] of expected) {
      for (const period of ['total', day().slice(0, 7), day()]) {
        expect([subject, period, await redis().hgetall(keys().spend(subject, period))]).toEqual([
          subject,
          period,
          { spent },
        ]);
      }
    }
    expect((await redis().keys(keys().spend('*', '*'))).length).toBe(3 * expected.length);
  });

  test('has a row for each call, with all that was used', async () => {
    const id = await settled({ user: 'bob', key: 'key_1', endpoint: '/v1/messages', request: 'req_1' });
    expect(await rows()).toEqual([
      {
        generation: id,
        call: 1,
        kind: 'call',
        status: 'completed',
        tenant: 'acme',
        key: 'key_1',
        user: 'bob',
        model: 'sandbox/echo',
        provider: 'sandbox',
        endpoint: '/v1/messages',
        request: 'req_1',
        promptTokens: 7,
        completionTokens: 3,
        cachedPromptTokens: 0,
        cacheWriteTokens: 0,
        reasoningTokens: 0,
        usageSource: 'provider',
        costNanoUsd: '13000',
        savedNanoUsd: '0',
        priceVersion: 'test',
        latencyMs: 1200,
        firstTokenMs: null,
        providerRequest: null,
      },
    ]);
  });

  test('without a known price there is no cost, and the ledger says so', async () => {
    await settled({}, pricedAnswer({ costNanoUsd: null }));
    await settled({});
    expect((await rows()).map(({ costNanoUsd, promptTokens }) => [costNanoUsd, promptTokens])).toEqual([
      [null, 7],
      ['13000', 7],
    ]);
    expect(await spend('tenant:acme')).toEqual({ spent: 13_000, reserved: 0, unsettled: 0 });
  });
});

describe('notices', () => {
  test('every instance that waits hears of its job, and no other', async () => {
    const subscriber = redis().duplicate();
    onTestFinished(() => subscriber.disconnect());
    const heard: [string, string][] = [];
    subscriber.on('message', (channel: string, message: string) => heard.push([channel, message]));
    const channels = ['one', 'two', 'three', 'last'].map((instance) => keys().wakeChannel(instance));
    await subscriber.subscribe(...channels);

    const id = await accept();
    await redis().zadd(keys().readers(id), 1, 'one', 2, 'two');
    const answered = await begin(id);
    await settlement().settle(answered.run, answered.record, pricedAnswer());
    const failed = await accept();
    await redis().zadd(keys().readers(failed), 1, 'two');
    const refused = await begin(failed);
    await settlement().fail(refused.run, refused.record, failure);
    await redis().publish(keys().wakeChannel('last'), 'no more');

    // One connection delivers in order: with the last message here, all others are.
    await waitFor(() => heard.some(([, message]) => message === 'no more'), { what: 'the last message' });
    expect(new Set(heard.slice(0, 2))).toEqual(
      new Set([
        [keys().wakeChannel('one'), id],
        [keys().wakeChannel('two'), id],
      ]),
    );
    expect(heard.slice(2)).toEqual([
      [keys().wakeChannel('two'), failed],
      [keys().wakeChannel('last'), 'no more'],
    ]);
    expect(await redis().exists(keys().readers(id), keys().readers(failed))).toBe(0);
  });
});

/** Every key of this test with what it holds, for "nothing changed". */
async function everything(): Promise<Record<string, unknown>> {
  const names = (await redis().keys(`${keys().job('*').replace(':job:*', '')}:*`)).sort();
  const held = await Promise.all(names.map(async (name) => [name, await contentOf(name)]));
  return Object.fromEntries(held);
}

/** What a key holds. Its dump would tell as well how the table of a hash lies in memory, which a mere look may change. */
async function contentOf(name: string): Promise<unknown> {
  switch (await redis().type(name)) {
    case 'hash':
      return redis().hgetall(name);
    case 'zset':
      return redis().zrange(name, '0', '-1', 'WITHSCORES');
    case 'stream':
      return redis().xrange(name, '-', '+');
    case 'string':
      return redis().get(name);
    default:
      throw new Error(`${name} is of a type that is not looked at`);
  }
}
