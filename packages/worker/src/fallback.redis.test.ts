import { failureCodes, GatewayError } from '@llm-gateway/shared/contracts/failure';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, test } from 'vitest';
import { couldBeCured } from './resilience/fall-back.ts';
import { createSettlement } from './settlement/settlement.ts';
import { acceptJob, followJob, readLog, readRows, stopJob } from './test-job.ts';
import { type Act, answer, answers, busy, fails, fakeProvider, hangs, openLaneBench, says } from './test-lanes.ts';

const { redis, keys, serve, enqueue, read, inState } = openLaneBench();

const plan = { fallbacks: JSON.stringify(['openai/gpt-4o', 'anthropic/claude-sonnet-4-5']) };

/** Serves the sandbox's lane with others to fall back on, and tells who was called. */
function serveThree(first: [Act, ...Act[]], second: [Act, ...Act[]], third: [Act, ...Act[]] = [answers]) {
  const fakes = [fakeProvider(...first), fakeProvider(...second), fakeProvider(...third)] as const;
  const providers = new Map(['sandbox', 'openai', 'anthropic'].map((name, index) => [name, fakes[index]?.provider]));
  const serving = serve(fakes[0].provider, { deps: { providers: providers as never } });
  return { ...serving, fakes, counts: () => fakes.map(({ signals }) => signals.length) };
}

const submit = async (fields = {}) => {
  const id = await acceptJob(redis(), keys(), { ...plan, ...fields });
  await enqueue(id);
  return id;
};

const told = async () =>
  (await readRows(redis(), keys())).map(({ call, status, model, provider }) => [call, status, model, provider]);

const first = [1, 'failed', 'sandbox/echo', 'sandbox'];

describe('where the first model fails', () => {
  test('the next one answers in the same attempt; each call has its row, and the answer says whose it is', async () => {
    const { counts, fakes } = serveThree([busy], [answers]);
    const id = await submit();
    await inState(id, 'completed');
    expect(counts()).toEqual([1, 1, 0]);
    expect(fakes[1].requests[0]?.model.id).toBe('openai/gpt-4o');
    expect(await read(id)).toMatchObject({
      state: 'completed',
      attempt: 1,
      calls: 2,
      // Seven tokens of prompt and three of completion, at that model's prices.
      answer: { ...answer, target: 'openai/gpt-4o', costNanoUsd: '47500' },
    });
    expect(await told()).toEqual([first, [2, 'completed', 'openai/gpt-4o', 'openai']]);
    expect((await readLog(redis(), keys(), id)).map(({ event }) => event)).toEqual([
      { type: 'started', attempt: 1, provider: 'sandbox', model: 'sandbox/echo' },
      { type: 'retrying', attempt: 1, afterMs: 0, reason: 'provider_busy', reset: false },
      { type: 'started', attempt: 1, provider: 'openai', model: 'openai/gpt-4o' },
    ]);
  });

  test('an answer of the first one is none of a fallback’s', async () => {
    serveThree([answers], [answers]);
    const id = await submit();
    await inState(id, 'completed');
    expect((await read(id)).answer).not.toHaveProperty('target');
    expect(await told()).toEqual([[1, 'completed', 'sandbox/echo', 'sandbox']]);
  });

  test('all are asked in turn; when all fail, the next attempt begins with the first one', async () => {
    const { counts } = serveThree([busy, answers], [busy], [busy]);
    const id = await submit();
    await (await inState(id, 'delayed')).promote();
    await inState(id, 'completed');
    expect(counts()).toEqual([2, 1, 1]);
    expect(await read(id)).toMatchObject({ attempt: 2, calls: 4 });
    expect((await told()).map(([call, status]) => [call, status])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
      [3, 'failed'],
      [4, 'completed'],
    ]);
  });

  test('the job fails with the last failure when no attempt is left', async () => {
    serveThree([busy], [busy], [fails({ code: 'provider_rate_limited', detail: 'Slow down.' })]);
    const id = await acceptJob(redis(), keys(), { ...plan, maxAttempts: '1' });
    await enqueue(id, { attempts: 1 });
    await inState(id, 'failed');
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'provider_rate_limited' } });
  });

  test('a failure that does not pass does not end the job while an earlier one may', async () => {
    const misconfigured = fails({ code: 'provider_misconfigured', detail: 'No.' });
    serveThree([busy, answers], [misconfigured], [misconfigured]);
    const id = await submit();
    await (await inState(id, 'delayed')).promote();
    await inState(id, 'completed');
    expect(await read(id)).toMatchObject({ attempt: 2 });
  });

  test('models that nobody serves here are passed over', async () => {
    const sandbox = fakeProvider(busy);
    const anthropic = fakeProvider(answers);
    const providers = new Map([
      ['sandbox', sandbox.provider],
      ['anthropic', anthropic.provider],
    ]);
    serve(sandbox.provider, { deps: { providers } });
    const id = await submit();
    await inState(id, 'completed');
    expect((await read(id)).answer?.target).toBe('anthropic/claude-sonnet-4-5');
  });
});

describe('a failure', () => {
  test.for([
    ['provider_busy', undefined, true],
    ['provider_rate_limited', undefined, true],
    ['provider_unreachable', undefined, true],
    ['provider_timeout', undefined, true],
    ['provider_bad_answer', undefined, true],
    ['provider_misconfigured', undefined, true],
    ['provider_quota_spent', undefined, true],
    ['provider_refused', 404, true],
    ['provider_refused', 400, false],
    ['internal', undefined, false],
  ] as const)('%s %s: another model is asked: %s', async ([code, status, isCured]) => {
    const refusal = status === undefined ? {} : { refusal: { status } };
    const { counts } = serveThree([fails({ code, detail: 'No.', ...refusal })], [answers]);
    const id = await submit();
    if (isCured) await inState(id, 'completed');
    else await waitFor(async () => (await told()).length === 1 || undefined, { what: 'the call is booked' });
    expect(counts()).toEqual([1, isCured ? 1 : 0, 0]);
  });

  test('of our own making is none that another model could cure', () => {
    const ours = failureCodes.filter((code) => !code.startsWith('provider_'));
    expect(ours.filter((code) => couldBeCured({ code, detail: '' }))).toEqual([]);
  });
});

describe('text that was given out', () => {
  const breaksOff: Act = async function* () {
    yield { deltas: [{ type: 'text', text: 'Once upon' }] };
    throw new GatewayError({ code: 'provider_busy', detail: 'sandbox broke off its answer.' });
  };

  test('is taken back from readers that can do so, and charged', async () => {
    serveThree([breaksOff], [answers]);
    const id = await submit({ stream: '1' });
    await inState(id, 'completed');
    const [broken, whole] = await readRows(redis(), keys());
    expect(broken).toMatchObject({ call: 1, status: 'failed', usageSource: 'estimated', model: 'sandbox/echo' });
    expect(Number(broken?.costNanoUsd)).toBeGreaterThan(0);
    expect(whole).toMatchObject({ call: 2, status: 'completed', model: 'openai/gpt-4o' });
    const events = (await readLog(redis(), keys(), id)).map(({ event }) => event);
    const wasRead = events.some(({ type }) => type === 'text-delta');
    expect(events.find(({ type }) => type === 'retrying')).toMatchObject({ reset: wasRead });
    expect((await read(id)).answer?.text).toBe('Hi.');
  });

  test('to a reader that cannot take it back is the end of it: nobody else is asked', async () => {
    const { counts } = serveThree([breaksOff], [answers]);
    const id = await submit({ stream: '1', unrepeatable: '1' });
    await inState(id, 'failed');
    expect(counts()).toEqual([1, 0, 0]);
  });
});

describe('a job that was to be stopped', () => {
  test('while the first model failed: no other one is asked', async () => {
    let fail: (error: Error) => void = () => undefined;
    const { counts } = serveThree([() => new Promise((_, reject) => (fail = reject))], [answers]);
    const id = await submit();
    await waitFor(() => counts()[0] === 1 || undefined, { what: 'the first is called' });
    await stopJob(redis(), keys(), id, 'cancel');
    fail(new GatewayError({ code: 'provider_busy', detail: 'sandbox answered 503.' }));
    await waitFor(async () => (await read(id)).state === 'cancelled' || undefined, { what: 'it has ended' });
    expect(counts()).toEqual([1, 0, 0]);
    expect(await told()).toEqual([first]);
  });

  test('while a fallback runs: what that one gave is charged as its own', async () => {
    const { counts } = serveThree([busy], [says('Once upon a time')]);
    const id = await submit({ stream: '1' });
    await waitFor(
      async () => (await readLog(redis(), keys(), id)).some(({ event }) => event.type === 'text-delta') || undefined,
      {
        what: 'the fallback has said something',
      },
    );
    await stopJob(redis(), keys(), id, 'cancel');
    await waitFor(async () => (await told()).length === 2 || undefined, { what: 'both are booked' });
    expect(counts()).toEqual([1, 1, 0]);
    expect(await told()).toEqual([first, [2, 'aborted', 'openai/gpt-4o', 'openai']]);
    expect((await read(id)).answer).toMatchObject({ target: 'openai/gpt-4o' });
  });
});

test('a worker that dies in the call of a fallback leaves a row of that model, unsettled', async () => {
  const { fakes } = serveThree([busy, answers], [hangs]);
  const id = await submit();
  await waitFor(() => fakes[1].signals.length === 1 || undefined, { what: 'the fallback is called' });
  // Another run finds the mark of the one that died.
  const settlement = createSettlement({ redis: redis(), keys: keys(), cacheMaxBytes: 1000 });
  expect(await settlement.begin(id, 1, 'another')).toMatchObject({ kind: 'run', losses: 1, record: { calls: 3 } });
  expect(await told()).toEqual([first, [2, 'unsettled', 'openai/gpt-4o', 'openai']]);
  // Its own call is of the first model again.
  await settlement.begin(id, 1, 'a third');
  expect((await told())[2]).toEqual([3, 'unsettled', 'sandbox/echo', 'sandbox']);
});

test('followers are told whose answer they share', async () => {
  let go: () => void = () => undefined;
  const waits: Act = () => new Promise((resolve) => (go = () => resolve(answer)));
  const { counts } = serveThree([busy], [waits]);
  const id = await submit();
  await waitFor(() => counts()[1] === 1 || undefined, { what: 'the fallback is called' });
  const follower = await followJob(redis(), keys(), id, plan);
  go();
  await inState(id, 'completed');
  expect((await read(follower)).answer?.target).toBe('openai/gpt-4o');
  expect((await readRows(redis(), keys())).find(({ kind }) => kind === 'coalesced')).toMatchObject({
    generation: follower,
    model: 'openai/gpt-4o',
    provider: 'openai',
  });
});
