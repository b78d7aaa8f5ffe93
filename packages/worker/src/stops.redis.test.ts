import { type RunningSandbox, startSandbox } from '@llm-gateway/sandbox/start-sandbox';
import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { createSandboxClient } from '@llm-gateway/testkit/sandbox-client';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createAnthropic } from './providers/anthropic/index.ts';
import { createOpenAI } from './providers/openai/index.ts';
import type { Provider } from './providers/provider.ts';
import { createStops } from './stops.ts';
import { followJob, pricedAnswer, readLog, readRows, stopJob } from './test-job.ts';
import { type Act, answer, answers, busy, fakeProvider, hangs, openLaneBench, says } from './test-lanes.ts';
import { textPiece } from './test-pieces.ts';
import { testCall } from './test-settlement.ts';

const { redis, keys, queue, counter, serve, submit, read, inState } = openLaneBench();

const stop = (id: string, reason: 'cancel' | 'deadline' | 'disconnect' = 'cancel') =>
  stopJob(redis(), keys(), id, reason);
const logOf = (id: string) => readLog(redis(), keys(), id);
const textIn = async (id: string) =>
  (await logOf(id)).map(({ event }) => (event.type === 'text-delta' ? event.text : '')).join('');
/** What each call came to, in the order of their ends. */
const calls = async () =>
  (await readRows(redis(), keys()))
    .filter(({ kind }) => kind === 'call')
    .map(({ user, status, costNanoUsd }) => [user, status, costNanoUsd]);

/** Gives out the first text, waits for its cue, gives out the second, and then hangs. */
function saysInTurn(first: string, second: string) {
  const cue = Promise.withResolvers<void>();
  const act: Act = async function* (signal, request) {
    yield textPiece(first);
    await cue.promise;
    yield textPiece(second);
    return hangs(signal, request) as Promise<Answer>;
  };
  return { act, cue };
}

describe('a call that runs', () => {
  test('is given up as soon as its job is cancelled, and what came of it is charged as an estimate', async () => {
    const { provider, signals } = fakeProvider(says('Hello, ', 'world'));
    serve(provider);
    const id = await submit();
    await waitFor(async () => (await textIn(id)) === 'Hello, world', { what: 'the text' });
    expect(await stop(id)).toMatchObject({ outcome: 'stopping' });

    await inState(id, 'completed');
    expect(signals.map(({ aborted, reason }) => [aborted, reason])).toEqual([[true, 'cancel']]);
    const stopped = await read(id);
    expect(stopped).toMatchObject({
      state: 'cancelled',
      failure: { code: 'job_cancelled' },
      answer: { text: 'Hello, world', usageSource: 'estimated', usage: { promptTokens: 7, completionTokens: 3 } },
    });
    expect(stopped.free).toBeUndefined();
    expect(await calls()).toEqual([['ann', 'aborted', stopped.answer?.costNanoUsd]]);
  });

  test('is given up at its deadline: the job has failed, and is charged', async () => {
    const { provider } = fakeProvider(says('Hello'));
    serve(provider);
    const id = await submit();
    await waitFor(async () => (await textIn(id)) === 'Hello', { what: 'the text' });
    await stop(id, 'deadline');
    await inState(id, 'completed');
    expect(await read(id)).toMatchObject({
      state: 'failed',
      failure: { code: 'deadline_exceeded' },
      answer: { text: 'Hello' },
    });
  });

  test('writes to the log what it had not yet, so that log and answer say the same', async () => {
    const { act, cue } = saysInTurn('Hello', ', world');
    const { provider } = fakeProvider(act);
    serve(provider);
    const id = await submit({ stream: '1' });
    await waitFor(async () => (await textIn(id)) === 'Hello', { what: 'the first text' });
    await stop(id);
    cue.resolve();
    await inState(id, 'completed');
    expect(await textIn(id)).toBe((await read(id)).answer?.text);
  });

  test('without a sign of life from its provider is charged nothing, and the ledger says that nobody knows', async () => {
    const silent: Provider = {
      ...fakeProvider(answers).provider,
      // biome-ignore lint/correctness/useYield: it says nothing
      async *generate(request, signal) {
        called.resolve();
        return hangs(signal, request) as Promise<Answer>;
      },
    };
    const called = Promise.withResolvers<void>();
    serve(silent);
    const id = await submit();
    await called.promise;
    await stop(id);
    await inState(id, 'completed');
    const stopped = await read(id);
    expect([stopped.state, stopped.answer]).toEqual(['cancelled', undefined]);
    expect(await calls()).toEqual([['ann', 'unsettled', null]]);
  });

  test('of a job that another run has ended is paid for, and is not one more request', async () => {
    const { provider } = fakeProvider(says('Hello'));
    const { deps } = serve(provider);
    const id = await submit();
    await waitFor(async () => (await textIn(id)) === 'Hello', { what: 'the text' });
    const other = await deps.settlement.begin(id, 1, 'other');
    if (other.kind !== 'run') throw new Error(`${id} is ${other.kind}`);
    const ending = { id, run: 'other' };
    const booked = testCall(ending, other.record, { status: 'completed', used: pricedAnswer() });
    await deps.settlement.settle(ending, other.record, pricedAnswer(), booked);
    await redis().publish(keys().control, `${id} cancel`);
    await inState(id, 'completed');
    expect((await calls()).map(([, status]) => status)).toEqual(['unsettled', 'completed', 'duplicate']);
    expect(await read(id)).toMatchObject({ state: 'completed' });
  });

  test('goes on for the others when it is its leader that leaves', async () => {
    const end = Promise.withResolvers<Answer>();
    const { provider, signals } = fakeProvider(() => end.promise);
    serve(provider);
    const leader = await submit();
    await waitFor(() => signals.length === 1, { what: 'the call' });
    const follower = await followJob(redis(), keys(), leader, { user: 'bob' });
    expect(await stop(leader)).toMatchObject({ outcome: 'ended' });
    expect(signals[0]?.aborted).toBe(false);
    end.resolve(answer);
    await inState(leader, 'completed');
    expect(await read(follower)).toMatchObject({ state: 'completed', answer: { text: answer.text } });
    expect(await calls()).toEqual([['ann', 'completed', '13000']]);
  });

  test('is given up when the last of them has left too', async () => {
    const { provider, signals } = fakeProvider(says('Hello'));
    serve(provider);
    const leader = await submit();
    const follower = await followJob(redis(), keys(), leader, { user: 'bob' });
    await waitFor(async () => (await textIn(leader)) === 'Hello', { what: 'the text' });
    await stop(leader);
    await stop(follower);
    await inState(leader, 'completed');
    expect(signals[0]?.reason).toBe('cancel');
    const left = await read(leader);
    expect(left).toMatchObject({ state: 'cancelled', answer: { text: 'Hello' } });
    expect(await calls()).toEqual([['ann', 'aborted', left.answer?.costNanoUsd]]);
  });
});

describe('a message that is lost', () => {
  /** What `stop_job` writes, without its message. */
  const stopUnheard = (id: string) => redis().hset(keys().job(id), { stop: 'cancel', cancelRequestedMs: Date.now() });

  test('is made good by the sweep', async () => {
    const subscriber = redis().duplicate();
    const stops = await createStops({ redis: redis(), subscriber, keys: keys(), sweepMs: 50 });
    onTestFinished(() => {
      stops.close();
      subscriber.disconnect();
    });
    const { provider, signals } = fakeProvider(hangs);
    serve(provider, { deps: { stops } });
    const id = await submit();
    await waitFor(() => signals.length === 1, { what: 'the call' });
    await stopUnheard(id);
    await inState(id, 'completed');
    expect(await read(id)).toMatchObject({ state: 'cancelled' });
  });

  test('is made good by the next writing of the log', async () => {
    const { act, cue } = saysInTurn('Hello', ', world');
    const { provider, signals } = fakeProvider(act);
    serve(provider);
    const id = await submit();
    await waitFor(async () => (await textIn(id)) === 'Hello', { what: 'the first text' });
    await stopUnheard(id);
    cue.resolve();
    await inState(id, 'completed');
    expect(signals[0]?.reason).toBe('cancel');
    expect(await read(id)).toMatchObject({ state: 'cancelled', answer: { text: 'Hello, world' } });
  });
});

describe('a job that is not running', () => {
  test('is never called for, if it was stopped while it waited', async () => {
    const { provider, signals } = fakeProvider(answers);
    const id = await submit();
    await stop(id);
    serve(provider);
    await inState(id, 'completed');
    expect(await read(id)).toMatchObject({ state: 'cancelled' });
    expect(signals).toEqual([]);
  });

  test('is not called for again, if it was stopped between two attempts', async () => {
    const { provider, signals } = fakeProvider(busy, answers);
    serve(provider);
    const id = await submit();
    const waiting = await inState(id, 'delayed');
    expect(await stop(id)).toMatchObject({ outcome: 'ended' });
    await waiting.promote();
    await inState(id, 'completed');
    expect(await read(id)).toMatchObject({ state: 'cancelled' });
    expect(signals).toHaveLength(1);
  });
});

test('a leader that fails leaves its place to the oldest of those who share its call', async () => {
  const { provider, signals } = fakeProvider(busy, answers);
  const leader = await submit({ maxAttempts: '1' }, 1);
  const follower = await followJob(redis(), keys(), leader, { user: 'bob' });
  serve(provider);
  await inState(leader, 'failed');
  // Nobody but the worker has queued it.
  await inState(follower, 'completed');
  expect(await read(follower)).toMatchObject({ state: 'completed' });
  expect(signals).toHaveLength(2);
  expect(await queue().getJobCountByTypes('prioritized', 'delayed', 'active')).toBe(0);
});

describe('through the SDKs, a call that is cancelled in mid-answer', () => {
  let sandbox: RunningSandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => sandbox.close());
  const order = 'sandbox/drip-200+tokens-50';
  const common = { mode: 'sandbox', name: 'sandbox', apiKey: 'k', timeoutMs: 60_000, counter } as const;

  async function cancelled(provider: Provider) {
    onTestFinished(() => provider.close?.());
    serve(provider);
    const id = await submit({ target: order, model: order });
    const { request } = await read(id);
    await waitFor(async () => (await textIn(id)) !== '', { what: 'the first text' });
    await stop(id);
    await inState(id, 'completed');
    const bills = createSandboxClient(sandbox.url);
    await waitFor(async () => (await bills.calls({ request_id: request }))[0]?.state === 'ended', {
      what: 'the end of the call',
    });
    return { job: await read(id), bill: await bills.bill({ request_id: request }) };
  }

  test.for([
    ['Anthropic, which counts the prompt at the start', () => createAnthropic({ ...common, baseURL: sandbox.url })],
    ['OpenAI, which counts at the end', () => createOpenAI({ ...common, baseURL: `${sandbox.url}/v1` })],
  ] as const)('of %s, is charged the prompt as it is billed, and the tokens of its text', async ([, open]) => {
    const { job, bill } = await cancelled(open());
    expect(job).toMatchObject({ state: 'cancelled', answer: { usageSource: 'estimated' } });
    expect(job.answer?.usage.promptTokens).toBe(bill.prompt_tokens);
    expect(job.answer?.text).not.toBe('');
    expect(job.answer?.usage.completionTokens).toBe(await counter.count([job.answer?.text ?? '']));
  });
});
