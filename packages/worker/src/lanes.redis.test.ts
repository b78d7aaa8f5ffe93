import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, test, vi } from 'vitest';
import type { WorkerDeps } from './deps.ts';
import { drainWorkers } from './drain.ts';
import { createSettlement } from './settlement/settlement.ts';
import { acceptHeldJob, acceptJob, readRows, readSpend, testBudget, testHold } from './test-job.ts';
import { answer, answers, busy, fails, fakeProvider, hangs, openLaneBench, silent } from './test-lanes.ts';

const { redis, keys, queue, serve, submit, enqueue, read, inState } = openLaneBench();

/** What each call came to, in the order of their ends. */
const calls = async () => (await readRows(redis(), keys())).map(({ call, status, code }) => [call, status, code]);

describe('attempts', () => {
  test('two that fail are followed by one that answers, each after the backoff that was asked', async () => {
    const { provider, signals } = fakeProvider(busy, busy, answers);
    serve(provider);
    const id = await submit();

    const first = await inState(id, 'delayed');
    expect(first.delay).toBeGreaterThanOrEqual(10_000);
    expect(first.delay).toBeLessThanOrEqual(20_000);
    expect(await read(id)).toMatchObject({ state: 'in_progress', attempt: 1 });
    await first.promote();

    const second = await waitFor(async () => signals.length === 2 && inState(id, 'delayed'), { what: 'attempt 2' });
    expect(second.delay).toBeGreaterThanOrEqual(20_000);
    expect(second.delay).toBeLessThanOrEqual(40_000);
    await second.promote();

    expect((await inState(id, 'completed')).attemptsMade).toBe(3);
    expect(await read(id)).toMatchObject({
      state: 'completed',
      attempt: 3,
      answer: { ...answer, costNanoUsd: '13000' },
    });
    expect(signals).toHaveLength(3);
    expect(await calls()).toEqual([
      [1, 'failed', 'provider_busy'],
      [2, 'failed', 'provider_busy'],
      [3, 'completed', undefined],
    ]);
  });

  test('without anybody to move it on, a delayed job runs by itself', async () => {
    const retry = { attempts: 3, baseDelayMs: 40 };
    const { provider, signals } = fakeProvider(busy, busy, answers);
    serve(provider, { retry });
    const id = await submit();
    await inState(id, 'completed');
    expect(signals).toHaveLength(3);
  });

  test.for([
    [90_000, 90_000, 90_000],
    [5000, 10_000, 20_000],
  ] as const)('a Retry-After of %i ms waits %i to %i ms', async ([retryAfterMs, fromMs, toMs]) => {
    const { provider } = fakeProvider(fails({ code: 'provider_rate_limited', detail: 'Slow down.', retryAfterMs }));
    serve(provider);
    const id = await submit();
    const { delay, attemptsMade } = await inState(id, 'delayed');
    expect(delay).toBeGreaterThanOrEqual(fromMs);
    expect(delay).toBeLessThanOrEqual(toMs);
    expect(attemptsMade).toBe(1);
  });

  test('a Retry-After beyond all patience fails the job at once', async () => {
    const { provider, signals } = fakeProvider(
      fails({ code: 'provider_rate_limited', detail: 'Come back tomorrow.', retryAfterMs: 86_400_000 }),
    );
    serve(provider);
    const id = await submit();
    await inState(id, 'failed');
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'provider_rate_limited' } });
    expect(signals).toHaveLength(1);
  });

  test('what a provider said to a refused prompt stays out of the log: it may quote the prompt', async () => {
    const spied = createLogger({ service: 'test', level: 'silent' });
    const warn = vi.spyOn(spied, 'warn').mockReturnValue();
    const { provider } = fakeProvider(fails({ code: 'provider_refused', detail: '"my secret plan" is no prompt' }));
    serve(provider, { deps: { log: spied } });
    await inState(await submit(), 'failed');
    await waitFor(() => warn.mock.calls.length === 2, { what: 'the attempt and its end are logged' });
    expect(JSON.stringify(warn.mock.calls)).not.toContain('secret');
  });

  test.for(['provider_refused', 'provider_misconfigured', 'provider_quota_spent'] as const)(
    '%s is final: one call',
    async (code) => {
      const { provider, signals } = fakeProvider(fails({ code, detail: 'No.' }), answers);
      serve(provider);
      const id = await submit();
      await inState(id, 'failed');
      expect(await read(id)).toMatchObject({ state: 'failed', failure: { code, detail: 'No.' } });
      expect(signals).toHaveLength(1);
    },
  );

  test('the last attempt fails the job, for the reason it failed itself', async () => {
    const { provider, signals } = fakeProvider(
      busy,
      fails({ code: 'provider_unreachable', detail: 'sandbox could not be reached.' }),
    );
    serve(provider, { retry: { attempts: 2, baseDelayMs: 20_000 } });
    const id = await submit({ maxAttempts: '2' }, 2);
    await (await inState(id, 'delayed')).promote();
    await inState(id, 'failed');
    expect(await read(id)).toMatchObject({ state: 'failed', attempt: 2, failure: { code: 'provider_unreachable' } });
    expect(signals).toHaveLength(2);
  });

  test('a job brings its attempts along: a worker configured for more does not leave it open for ever', async () => {
    const { provider, signals } = fakeProvider(busy);
    serve(provider, { retry: { attempts: 5, baseDelayMs: 20_000 } });
    const id = await submit({ maxAttempts: '1' }, 1);
    await inState(id, 'failed');
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'provider_busy' } });
    expect(signals).toHaveLength(1);
  });

  test('one that leaves no room in a budget is the last: the job has failed, and no other call is made', async () => {
    const { provider, signals } = fakeProvider(busy, answers);
    serve(provider);
    // What the provider was sent counts, although it gave no text.
    const hold = testHold({ nano: '20000', budgets: [testBudget({ limit: '20000' })] });
    const id = await acceptHeldJob(redis(), keys(), hold);
    await enqueue(id);
    await inState(id, 'completed');
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'budget_exceeded' } });
    expect(signals).toHaveLength(1);
    const [row] = await readRows(redis(), keys());
    expect(row).toMatchObject({ status: 'failed', code: 'provider_busy', usageSource: 'estimated' });
    expect(await readSpend(redis(), keys(), 'tenant:acme')).toEqual({
      spent: Number(row?.costNanoUsd),
      reserved: 0,
      unsettled: 0,
    });
  });

  test('a model that no provider serves here is final, and no call', async () => {
    const { provider, signals } = fakeProvider(answers);
    serve(provider);
    const id = await submit({ lane: 'openai', target: 'openai/gpt-4o' });
    await inState(id, 'failed');
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'provider_misconfigured' } });
    expect(signals).toEqual([]);
    expect(await calls()).toEqual([]);
  });
});

describe('a job that is not to be run', () => {
  test('of a version that this worker does not know, is left for one that does', async () => {
    const { provider, signals } = fakeProvider(answers);
    serve(provider);
    const id = await acceptJob(redis(), keys());
    await queue().add('generation-sandbox', { v: 4, id, requestId: 'req_1' }, { jobId: id, attempts: 1 });
    const left = await inState(id, 'delayed');
    expect(left.attemptsMade).toBe(0);
    expect(left.delay).toBeGreaterThan(0);
    expect(left.delay).toBeLessThanOrEqual(5000);
    expect(await read(id)).toMatchObject({ state: 'queued', attempt: 0 });
    expect(signals).toEqual([]);
  });

  test.for(['completed', 'cancelled'] as const)('is %s: no call', async (state) => {
    const { provider, signals } = fakeProvider(answers);
    serve(provider);
    const id = await acceptJob(redis(), keys());
    await redis().hset(keys().job(id), 'state', state);
    await enqueue(id);
    await inState(id, 'completed');
    expect(signals).toEqual([]);
    expect((await read(id)).state).toBe(state);
  });

  test('has lost too many runs: failed, without another call', async () => {
    const { provider, signals } = fakeProvider(answers);
    const id = await acceptJob(redis(), keys());
    await redis().hset(keys().job(id), { state: 'in_progress', run: 'crashed', losses: '3' });
    serve(provider);
    await enqueue(id);
    await inState(id, 'failed');
    expect(await read(id)).toMatchObject({
      state: 'failed',
      failure: { code: 'internal', detail: 'The job was lost 4 times by crashed workers.' },
    });
    expect(signals).toEqual([]);
  });
});

describe('a run that is given up', () => {
  test('by a worker that drains: the job waits again and another worker completes it', async () => {
    const first = fakeProvider(hangs);
    const { worker, draining, inHand } = serve(first.provider);
    const id = await submit();
    await waitFor(() => first.signals.length === 1, { what: 'the call' });

    await drainWorkers({ workers: [worker], draining, inHand, drainMs: 2100, log: silent });
    expect(first.signals[0]?.reason).toBe('draining');
    expect((await inState(id, 'prioritized')).attemptsMade).toBe(0);
    expect(await read(id)).toMatchObject({ state: 'in_progress' });
    expect(await redis().hexists(keys().job(id), 'run')).toBe(0);

    const second = fakeProvider(answers);
    serve(second.provider);
    expect((await inState(id, 'completed')).attemptsMade).toBe(1);
    expect(await read(id)).toMatchObject({ state: 'completed', attempt: 1 });
    expect(await redis().hexists(keys().job(id), 'losses')).toBe(0);
    expect([first.signals.length, second.signals.length]).toEqual([1, 1]);
    expect(await calls()).toEqual([
      [1, 'aborted', undefined],
      [2, 'completed', undefined],
    ]);
  });

  test('a worker that drains waits for a call that ends in time', async () => {
    const end = Promise.withResolvers<Answer>();
    const { provider, signals } = fakeProvider(() => end.promise);
    const { worker, draining, inHand } = serve(provider);
    const id = await submit();
    await waitFor(() => signals.length === 1, { what: 'the call' });
    const drained = drainWorkers({ workers: [worker], draining, inHand, drainMs: 30_000, log: silent });
    end.resolve(answer);
    await drained;
    expect(draining.signal.aborted).toBe(false);
    expect(await read(id)).toMatchObject({ state: 'completed' });
  });

  test('because its lock is lost: the call is aborted, and the job runs again', async () => {
    const { provider, signals } = fakeProvider(hangs, answers);
    serve(provider, { lockDurationMs: 1000 });
    const id = await submit({ maxAttempts: '1' }, 1);
    await waitFor(() => signals.length === 1, { what: 'the call' });
    await redis().del(`${queue().toKey(id)}:lock`);
    await waitFor(() => signals[0]?.aborted, { what: 'the abort' });
    expect(signals[0]?.reason).toBe('lock-lost');

    await inState(id, 'completed');
    expect(await read(id)).toMatchObject({ state: 'completed', attempt: 1 });
    expect(await redis().hget(keys().job(id), 'losses')).toBe('1');
    expect(signals).toHaveLength(2);
    expect(await calls()).toEqual([
      [1, 'unsettled', undefined],
      [2, 'completed', undefined],
    ]);
  });

  test('by cancelJob: neither record nor attempts are touched, not even of the only attempt', async () => {
    const { provider, signals } = fakeProvider(hangs, answers);
    const { worker } = serve(provider, { lockDurationMs: 1000 });
    const id = await submit({}, 1);
    await waitFor(() => signals.length === 1, { what: 'the call' });
    const before = await redis().hgetall(keys().job(id));
    expect(worker.cancelJob(id, 'lock-lost')).toBe(true);
    expect(signals[0]?.reason).toBe('lock-lost');
    expect(await redis().hgetall(keys().job(id))).toEqual(before);

    // The stall check finds it as soon as the lock has run out.
    expect((await inState(id, 'completed')).attemptsMade).toBe(1);
    expect(await read(id)).toMatchObject({ state: 'completed', attempt: 1 });
  });

  test('because Redis refuses to begin it: no attempt is used up, however often', async () => {
    const { provider, signals } = fakeProvider(answers);
    const real = createSettlement({ redis: redis(), keys: keys(), cacheMaxBytes: 1_000_000 });
    let refusals = 0;
    const settlement: WorkerDeps['settlement'] = {
      ...real,
      begin: async (...given) => {
        refusals += 1;
        if (refusals <= 3)
          throw new GatewayError({ code: 'dependency_down', detail: 'The job store is not available.' });
        return real.begin(...given);
      },
    };
    serve(provider, { deps: { settlement } });
    const id = await submit({}, 1);
    for (const refusal of [1, 2, 3]) {
      const left = await waitFor(async () => refusals === refusal && inState(id, 'delayed'), { what: 'the refusal' });
      expect(left.attemptsMade).toBe(0);
      await left.promote();
    }
    await inState(id, 'completed');
    expect(await read(id)).toMatchObject({ state: 'completed', attempt: 1 });
    expect(signals).toHaveLength(1);
  });
});
