import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, test } from 'vitest';
import { drainWorkers } from './drain.ts';
import { followJob, readLog, readRows } from './test-job.ts';
import { type Act, answer, answers, busy, fakeProvider, hangs, openLaneBench, says, silent } from './test-lanes.ts';
import { textPiece } from './test-pieces.ts';

const { redis, keys, queue, serve, submit, read, inState } = openLaneBench();

const calls = async () => (await readRows(redis(), keys())).map(({ call, status, code }) => [call, status, code]);

/** Gives out text, and then fails in a way that another attempt would cure. */
const breaksOff: Act = async function* () {
  yield textPiece('Hel');
  throw new GatewayError({ code: 'provider_unreachable', detail: 'The connection to sandbox broke in mid-answer.' });
};

/** Tells of a search of the provider's own, which is no text, and then fails. */
const searches: Act = async function* () {
  yield { deltas: [], frame: '{"type":"response.output_item.added","item":{"type":"web_search_call"}}' };
  throw new GatewayError({ code: 'provider_unreachable', detail: 'The connection to sandbox broke in mid-answer.' });
};

/** Sends what a stream begins with, and then says nothing. */
const begins: Act = async function* (signal, request) {
  yield { deltas: [], frame: '{"type":"message_start"}' };
  return hangs(signal, request) as Promise<Answer>;
};

const unrepeatable = { stream: '1', unrepeatable: '1' } as const;
const given = (id: string) =>
  waitFor(async () => Number(await redis().hget(keys().job(id), 'chars')) > 0, { what: 'text in the log' });

describe('a job whose reader cannot take text back', () => {
  test('is tried again as long as nothing has been given out', async () => {
    const { provider, signals } = fakeProvider(busy, answers);
    serve(provider, { retry: { attempts: 3, baseDelayMs: 10 } });
    const id = await submit(unrepeatable);
    await inState(id, 'completed');
    expect(await read(id)).toMatchObject({ state: 'completed', attempt: 2 });
    expect(signals).toHaveLength(2);
  });

  test('fails with its call, once it has given out text', async () => {
    const { provider, signals } = fakeProvider(breaksOff, answers);
    serve(provider);
    const id = await submit(unrepeatable);
    await inState(id, 'failed');
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'provider_unreachable' } });
    expect(signals).toHaveLength(1);
    expect(await calls()).toEqual([[1, 'failed', 'provider_unreachable']]);
  });

  test('fails with its call, once it has given out what is no text', async () => {
    const { provider, signals } = fakeProvider(searches, answers);
    serve(provider);
    const id = await submit(unrepeatable);
    await inState(id, 'failed');
    expect(signals).toHaveLength(1);
  });

  test('one that can is tried again all the same', async () => {
    const { provider, signals } = fakeProvider(breaksOff, answers);
    serve(provider, { retry: { attempts: 3, baseDelayMs: 10 } });
    const id = await submit({ stream: '1' });
    await inState(id, 'completed');
    expect(signals).toHaveLength(2);
  });

  test('ends with the worker that was killed in the middle of it, and its call is not made again', async () => {
    const { provider, signals } = fakeProvider(says('Hel'), answers);
    serve(provider, { lockDurationMs: 1000 });
    const id = await submit(unrepeatable);
    await given(id);
    await redis().del(`${queue().toKey(id)}:lock`);
    await inState(id, 'failed');
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'answer_broken_off' } });
    expect(signals).toHaveLength(1);
    expect(await calls()).toEqual([[1, 'unsettled', undefined]]);
  });

  test('is begun anew when its worker was killed before the first word, although its stream had begun', async () => {
    const { provider, signals } = fakeProvider(begins, answers);
    serve(provider, { lockDurationMs: 1000 });
    const id = await submit(unrepeatable);
    const logged = async () => (await redis().xlen(keys().log(id))) > 1;
    await waitFor(logged, { what: 'the beginning of the stream in the log' });
    await redis().del(`${queue().toKey(id)}:lock`);
    await inState(id, 'completed');
    expect(signals).toHaveLength(2);
  });

  test('ends with a worker that has to stop, and pays for what was given out', async () => {
    const { provider, signals } = fakeProvider(says('Hel'), answers);
    const { worker, draining, inHand } = serve(provider);
    const id = await submit(unrepeatable);
    await given(id);
    await drainWorkers({ workers: [worker], draining, inHand, drainMs: 2100, log: silent });
    expect(await read(id)).toMatchObject({ state: 'failed', failure: { code: 'answer_broken_off' } });
    expect(signals).toHaveLength(1);
    expect(await calls()).toEqual([[1, 'failed', 'answer_broken_off']]);
  });

  test('who shares its call begins anew, and is told that what was given out is taken back', async () => {
    const { provider, signals } = fakeProvider(says('Hel'), answers);
    serve(provider, { lockDurationMs: 1000 });
    const leader = await submit(unrepeatable);
    await given(leader);
    const told = await followJob(redis(), keys(), leader, { user: 'eve', ...unrepeatable });
    const follower = await followJob(redis(), keys(), leader, { user: 'bob' });
    await redis().del(`${queue().toKey(leader)}:lock`);
    await inState(leader, 'failed');
    await inState(follower, 'completed');
    // Its reader has words of the call that broke off too.
    expect(await read(told)).toMatchObject({ state: 'failed', failure: { code: 'answer_broken_off' } });
    expect(await read(follower)).toMatchObject({ state: 'completed', answer: { text: answer.text } });
    const events = (await readLog(redis(), keys(), follower)).map(({ event }) => event);
    expect(events.find(({ type }) => type === 'retrying')).toMatchObject({ reason: 'answer_broken_off', reset: true });
    expect(signals).toHaveLength(2);
  });
});
