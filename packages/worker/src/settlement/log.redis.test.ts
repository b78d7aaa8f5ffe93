import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { parseLogNotice } from '@llm-gateway/shared/event-log/log-entry';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pricedAnswer } from '../test-job.ts';
import { openSettlementBench } from '../test-settlement.ts';

const { accept, begin, keys, log, read, redis, settlement, stop } = openSettlementBench();

const events = async (id: string) => (await log(id)).map(({ event }) => event);
const delta = (text: string): JobEvent => ({ type: 'text-delta', text });
const started = (attempt: number): JobEvent => ({
  type: 'started',
  attempt,
  provider: 'sandbox',
  model: 'sandbox/echo',
});

async function begun() {
  const id = await accept();
  return { id, ...(await begin(id)) };
}

/** Writes these texts as pieces 1, 2, … */
async function append(run: { id: string; run: string }, ...texts: string[]) {
  for (const [index, text] of texts.entries()) {
    await settlement().append(run, { number: index + 1, events: [delta(text)], chars: text.length });
  }
}

describe('the log of a job', () => {
  test('is numbered without a gap through attempts, losses and the end', async () => {
    const { id, run } = await begun();
    await append(run, 'Hal', 'lo');
    await settlement().release(run, { attempt: 2, afterMs: 10, reason: 'provider_busy' });
    await begin(id, 2);
    const last = await begin(id, 2);
    await append(last.run, 'Hi');
    await settlement().settle(last.run, last.record, pricedAnswer(), [delta('.'), delta('!')]);

    const entries = await log(id);
    expect(entries.map(({ event }) => event.type)).toEqual([
      ...['started', 'text-delta', 'text-delta', 'retrying'],
      ...['started', 'retrying', 'started', 'text-delta', 'text-delta', 'text-delta'],
    ]);
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, index) => index + 1));
    expect(await read(id)).toMatchObject({ sequence: entries.length, endSequence: entries.length });
  });

  test('tells its followers every entry as it is written', async () => {
    const subscriber = redis().duplicate();
    onTestFinished(() => subscriber.disconnect());
    const id = await accept();
    const heard: string[] = [];
    subscriber.on('message', (_channel: string, message: string) => heard.push(message));
    await subscriber.subscribe(keys().logChannel(id));
    const { run } = await begin(id);
    const texts = ['"quoted"\n', 'Bären 🐻', '] [', '1 2 []'];
    const appended = await settlement().append(run, { number: 1, events: texts.map(delta), chars: 20 });
    expect(appended).toMatchObject({ kind: 'appended', heard: 1 });
    await waitFor(() => heard.length === 2, { what: 'two notices' });
    const told = heard.flatMap((message) => {
      const notice = parseLogNotice(message);
      return notice?.kind === 'entries' ? notice.entries : [];
    });
    expect(told).toEqual(await log(id));
    expect(await events(id)).toEqual([started(1), ...texts.map(delta)]);
  });

  test('says whether anybody follows, how large it is, and that the job shall stop', async () => {
    const { id, run } = await begun();
    const first = await settlement().append(run, { number: 1, events: [delta('Hal')], chars: 3 });
    expect(first).toMatchObject({ kind: 'appended', heard: 0, stop: undefined });
    const second = await settlement().append(run, { number: 2, events: [delta('x'.repeat(5000))], chars: 5000 });
    const size = (appended: typeof first) => (appended.kind === 'appended' ? appended.logBytes : 0);
    expect(size(second) - size(first)).toBeGreaterThan(5000);
    expect((await read(id)).chars).toBe(5003);
    await stop(id, 'cancel');
    const third = await settlement().append(run, { number: 3, events: [delta('lo')], chars: 2 });
    expect(third).toMatchObject({ kind: 'appended', stop: 'cancel' });
  });

  test('goes with its record', async () => {
    const { id } = await begun();
    const ttls = await Promise.all([redis().pttl(keys().log(id)), redis().pttl(keys().job(id))]);
    expect(Math.abs((ttls[0] ?? 0) - (ttls[1] ?? 0))).toBeLessThan(1000);
  });
});

describe('an append', () => {
  test('that is sent again, because its reply was lost with the connection, changes nothing', async () => {
    const { id, run } = await begun();
    await append(run, 'Hal', 'lo');
    const before = [await redis().hgetall(keys().job(id)), await log(id)];
    const again = await settlement().append(run, { number: 2, events: [delta('lo')], chars: 2 });
    expect(again).toMatchObject({ kind: 'appended', logBytes: Number(await redis().hget(keys().job(id), 'logBytes')) });
    expect([await redis().hgetall(keys().job(id)), await log(id)]).toEqual(before);
  });

  test('of a run that another has taken over from is refused', async () => {
    const { id, run } = await begun();
    const successor = await begin(id);
    expect(await settlement().append(run, { number: 1, events: [delta('old')], chars: 3 })).toEqual({
      kind: 'superseded',
    });
    await append(successor.run, 'new');
    expect((await events(id)).filter(({ type }) => type === 'text-delta')).toEqual([delta('new')]);
  });

  test('after the end is refused', async () => {
    const { id, run, record } = await begun();
    await settlement().settle(run, record, pricedAnswer());
    expect(await settlement().append(run, { number: 1, events: [delta('late')], chars: 4 })).toEqual({
      kind: 'superseded',
    });
    expect(await events(id)).toEqual([started(1)]);
  });

  test('of a snapshot takes the place of all entries before it', async () => {
    const { id, run } = await begun();
    await append(run, 'x'.repeat(3000), 'y'.repeat(3000));
    const snapshot: JobEvent = { type: 'snapshot', text: `${'x'.repeat(3000)}${'y'.repeat(3000)}z` };
    const appended = await settlement().append(run, { number: 3, events: [snapshot], chars: 1 });
    expect(await log(id)).toMatchObject([{ sequence: 4, event: snapshot }]);
    expect(appended).toMatchObject({ logBytes: JSON.stringify(snapshot).length });
    expect((await read(id)).chars).toBe(6001);
    const more = await settlement().append(run, { number: 4, events: [delta('!')], chars: 1 });
    expect((await log(id)).map(({ sequence }) => sequence)).toEqual([4, 5]);
    expect(more).toMatchObject({ logBytes: expect.any(Number) });
    expect((more as { logBytes: number }).logBytes).toBeGreaterThan(JSON.stringify(snapshot).length);
  });
});

test.for([
  ['given out', ['Hal'], true],
  ['not given out', [], false],
] as const)('after a lost run, what was %s is taken back: %s', async ([, texts, reset]) => {
  const { id, run } = await begun();
  await append(run, ...texts);
  await begin(id);
  const lost = { type: 'retrying', attempt: 1, afterMs: 0, reason: 'worker_lost', reset };
  expect((await events(id)).slice(1 + texts.length)).toEqual([lost, started(1)]);
  expect((await read(id)).chars).toBe(0);
  // Once: what has been taken back need not be again.
  await begin(id);
  expect((await events(id)).slice(3 + texts.length)).toEqual([{ ...lost, reset: false }, started(1)]);
});

test.for([
  ['given out', ['Hal'], true],
  ['not given out', [], false],
] as const)('after a failed attempt, what was %s is taken back: %s', async ([, texts, reset]) => {
  const { id, run } = await begun();
  await append(run, ...texts);
  const next = { attempt: 2, afterMs: 700, reason: 'provider_busy' };
  expect(await settlement().release(run, next)).toBe('released');
  expect((await events(id)).at(-1)).toEqual({ type: 'retrying', ...next, reset });
  expect((await read(id)).chars).toBe(0);
  const second = await begin(id, 2);
  await append(second.run, 'Hi');
  expect((await events(id)).slice(-2)).toEqual([started(2), delta('Hi')]);
});

test('a begin that is sent again writes nothing twice', async () => {
  const id = await accept();
  await settlement().begin(id, 1, 'run-1');
  await settlement().append({ id, run: 'run-1' }, { number: 1, events: [delta('Hal')], chars: 3 });
  await settlement().begin(id, 1, 'run-1');
  expect(await events(id)).toEqual([started(1), delta('Hal')]);
  // Nor does it make the pieces of the run count anew.
  await settlement().append({ id, run: 'run-1' }, { number: 1, events: [delta('Hal')], chars: 3 });
  expect(await events(id)).toHaveLength(2);
});

test('whatever texts are written, sent again or not, the log tells them once and in order', async () => {
  const piece = fc.record({
    text: fc.string({ unit: 'grapheme', minLength: 1 }),
    times: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      const { id, run } = await begun();
      for (const [index, { text, times }] of pieces.entries()) {
        for (let time = 0; time < times; time += 1) {
          await settlement().append(run, { number: index + 1, events: [delta(text)], chars: text.length });
        }
      }
      expect((await events(id)).slice(1)).toEqual(pieces.map(({ text }) => delta(text)));
      expect((await log(id)).map(({ sequence }) => sequence)).toEqual([0, ...pieces].map((_, index) => index + 1));
      expect((await read(id)).chars).toBe(pieces.reduce((sum, { text }) => sum + text.length, 0));
    }),
    { numRuns: 30 },
  );
});
