import type { Delta } from '@llm-gateway/shared/contracts/content';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogWriter, type LogWriterOptions } from './log-writer.ts';
import type { Appended, LogPiece } from './settlement/settlement.ts';
import { textPiece } from './test-pieces.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const away = new GatewayError({ code: 'dependency_down', detail: 'The job store is not available.' });
const written = { kind: 'appended', heard: 0, logBytes: 0, stop: undefined } as const;

/** A writer whose pieces go to a list; `reply` says what becomes of the n-th writing. */
function open(reply: (time: number) => Appended | Error = () => written, options: Partial<LogWriterOptions> = {}) {
  const tried: LogPiece[] = [];
  const told: string[] = [];
  const writer = createLogWriter({
    append: async (piece) => {
      tried.push(piece);
      const replied = reply(tried.length);
      if (replied instanceof Error) throw replied;
      return replied;
    },
    isFollowed: false,
    logMaxBytes: 1_000_000,
    onStop: (reason) => told.push(reason),
    ...options,
  });
  return { writer, tried, told, texts: () => tried.map(({ events }) => textOf(events)) };
}

const textOf = (events: readonly JobEvent[]) =>
  events.map((event) => ('text' in event ? event.text : `<${event.type}>`)).join('');
const delta = (text: string): JobEvent => ({ type: 'text-delta', text });
const text = (said: string): Delta => ({ type: 'text', text: said });
const snapshot = (text: string): JobEvent => ({ type: 'snapshot', text });

describe('text', () => {
  test('that comes within a tenth of a second is one entry, when nobody follows', async () => {
    const { writer, tried } = open();
    writer.push(textPiece('Hal'));
    await vi.advanceTimersByTimeAsync(50);
    writer.push(textPiece('lo'));
    await vi.advanceTimersByTimeAsync(49);
    expect(tried).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(tried).toEqual([{ number: 1, events: [delta('Hallo')], chars: 5 }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('goes at once for the first reader, and then every hundredth of a second', async () => {
    const { writer, texts } = open(() => ({ ...written, heard: 1 }), { isFollowed: true });
    writer.push(textPiece('H'));
    await vi.advanceTimersByTimeAsync(0);
    expect(texts()).toEqual(['H']);
    for (const text of ['a', 'l', 'l', 'o']) {
      writer.push(textPiece(text));
      await vi.advanceTimersByTimeAsync(5);
    }
    await vi.runAllTimersAsync();
    expect(texts()).toEqual(['H', 'al', 'lo']);
  });

  test('goes faster as soon as somebody follows, and slower when all have left', async () => {
    const { writer, tried } = open((time) => ({ ...written, heard: time === 1 ? 1 : 0 }));
    writer.push(textPiece('a'));
    await vi.advanceTimersByTimeAsync(100);
    writer.push(textPiece('b'));
    await vi.advanceTimersByTimeAsync(10);
    expect(tried).toHaveLength(2);
    writer.push(textPiece('c'));
    await vi.advanceTimersByTimeAsync(99);
    expect(tried).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(tried).toHaveLength(3);
  });

  test('that comes while a piece is being written goes with the next one, never before it', async () => {
    const slow = Promise.withResolvers<void>();
    const pieces: LogPiece[] = [];
    const { writer } = open(undefined, {
      append: async (piece) => {
        pieces.push(piece);
        if (piece.number === 1) await slow.promise;
        return written;
      },
    });
    writer.push(textPiece('a'));
    await vi.advanceTimersByTimeAsync(100);
    writer.push(textPiece('b'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(pieces).toHaveLength(1);
    slow.resolve();
    await vi.advanceTimersByTimeAsync(100);
    expect(pieces.map(({ number, events }) => [number, textOf(events)])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
  });

  test('of nothing is nothing to write', async () => {
    const { writer, tried } = open();
    writer.push(textPiece(''));
    expect(vi.getTimerCount()).toBe(0);
    expect(await writer.finish()).toEqual([]);
    expect(tried).toEqual([]);
  });
});

describe('finish', () => {
  test('gives what has not been written, and leaves no timer', async () => {
    const { writer, tried } = open();
    writer.push(textPiece('Hal'));
    await vi.advanceTimersByTimeAsync(100);
    writer.push(textPiece('lo'));
    expect(await writer.finish()).toEqual([delta('lo')]);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(tried).toHaveLength(1);
    expect(writer.written()).toEqual(['Hallo']);
  });

  test('waits for the piece under way', async () => {
    const slow = Promise.withResolvers<Appended>();
    const { writer } = open(undefined, { append: () => slow.promise });
    writer.push(textPiece('Hal'));
    await vi.advanceTimersByTimeAsync(100);
    writer.push(textPiece('lo'));
    const rest = writer.finish();
    slow.resolve(written);
    expect(await rest).toEqual([delta('lo')]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('after a writing of unknown fate tells all text, for the piece may be there or not', async () => {
    const { writer } = open((time) => (time === 2 ? away : written));
    writer.push(textPiece('a'));
    await vi.advanceTimersByTimeAsync(100);
    writer.push(textPiece('b'));
    await vi.advanceTimersByTimeAsync(100);
    writer.push(textPiece('c'));
    expect(await writer.finish()).toEqual([snapshot('abc')]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a Redis that refuses', () => {
  test('is tried again with the very same piece, and what came meanwhile follows it', async () => {
    const { writer, tried } = open((time) => (time <= 3 ? away : written));
    writer.push(textPiece('a'));
    await vi.advanceTimersByTimeAsync(100);
    writer.push(textPiece('b'));
    await vi.advanceTimersByTimeAsync(5000);
    const [first, ...again] = tried;
    expect(tried).toHaveLength(5);
    expect(again.slice(0, 3)).toEqual([first, first, first]);
    expect(tried[4]).toEqual({ number: 2, events: [delta('b')], chars: 1 });
    expect(await writer.finish()).toEqual([]);
  });

  test('is not asked more often than once a second', async () => {
    const { writer, tried } = open(() => away);
    for (let time = 0; time < 100; time += 1) {
      writer.push(textPiece('x'));
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(tried.length).toBeGreaterThanOrEqual(4);
    expect(tried.length).toBeLessThanOrEqual(6);
    await writer.finish();
  });
});

describe('a log that grows too large', () => {
  test('starts anew with all text so far, once', async () => {
    const { writer, tried } = open((time) => ({ ...written, logBytes: time === 2 ? 101 : 10 }), { logMaxBytes: 100 });
    for (const text of ['a', 'b', 'c', 'd']) {
      writer.push(textPiece(text));
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(tried.map(({ events }) => events)).toEqual([[delta('a')], [delta('b')], [snapshot('abc')], [delta('d')]]);
    // What is new of it is counted, not what is told again.
    expect(tried.map(({ chars }) => chars)).toEqual([1, 1, 1, 1]);
  });

  test('does not start anew with every entry when the text alone is too large: what is written stays in proportion', async () => {
    let logBytes = 0;
    const { writer, tried } = open(
      () => {
        const piece = tried.at(-1)!;
        const text = textOf(piece.events);
        logBytes = piece.events[0]?.type === 'snapshot' ? text.length : logBytes + text.length;
        return { ...written, logBytes };
      },
      { logMaxBytes: 100 },
    );
    for (let time = 0; time < 1000; time += 1) {
      writer.push(textPiece('0123456789'));
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(tried).toHaveLength(1000);
    const bytes = tried.reduce((sum, { events }) => sum + textOf(events).length, 0);
    expect(bytes).toBeLessThan(5 * writer.written().join('').length);
    expect(logBytes).toBeLessThan(2 * writer.written().join('').length);
  });
});

describe('what is more than text', () => {
  const call = (text: string, more: object = {}): Delta => ({ type: 'tool-call', index: 0, arguments: text, ...more });
  const named = call('', { id: 'call_1', name: 'weather' });

  test('is one event for every delta, and neighbours are one', async () => {
    const { writer } = open();
    for (const deltas of [[text('a')], [text('b')], [named], [call('{"a"')], [call(':1}')]]) writer.push({ deltas });
    expect(await writer.finish()).toEqual([
      { type: 'delta', delta: text('ab') },
      { type: 'delta', delta: call('{"a":1}', { id: 'call_1', name: 'weather' }) },
    ]);
    expect(writer.written()).toEqual(['abweather{"a":1}']);
  });

  test('has what the provider sent with the last delta of its time, in order', async () => {
    const { writer, tried } = open();
    writer.push({ deltas: [], frame: '1' });
    writer.push({ deltas: [text('a')], frame: '2' });
    writer.push({ deltas: [named], frame: '3' });
    await vi.advanceTimersByTimeAsync(100);
    expect(tried).toEqual([
      {
        number: 1,
        events: [
          { type: 'delta', delta: text('a'), frames: [] },
          { type: 'delta', delta: named, frames: ['1', '2', '3'] },
        ],
        chars: 1,
      },
    ]);
    writer.push({ deltas: [], frame: '4' });
    expect(await writer.finish()).toEqual([{ type: 'delta', frames: ['4'] }]);
  });

  test('is told anew with all of it, in the terms of its provider too', async () => {
    const { writer, tried } = open(() => ({ ...written, logBytes: 2_000_000 }));
    writer.keepNative(() => ({ api: 'chat', body: { so: 'far' } }));
    writer.push({ deltas: [text('a')], frame: '1' });
    await vi.advanceTimersByTimeAsync(100);
    writer.push({ deltas: [text('b')], frame: '2' });
    await vi.advanceTimersByTimeAsync(100);
    const native = { api: 'chat', body: { so: 'far' } };
    expect(tried[1]?.events).toEqual([{ type: 'snapshot', text: 'ab', deltas: [text('ab')], native }]);
  });
});

describe('what the writing says of the job', () => {
  test('is passed on: that it shall stop', async () => {
    const { writer, told } = open(() => ({ ...written, stop: 'cancel' }));
    writer.push(textPiece('a'));
    await vi.advanceTimersByTimeAsync(100);
    expect(told).toEqual(['cancel']);
    await writer.finish();
  });

  test('is passed on: that another run has it', async () => {
    const { writer, told } = open(() => ({ kind: 'superseded' }));
    writer.push(textPiece('a'));
    await vi.advanceTimersByTimeAsync(100);
    expect(told).toEqual(['lock-lost']);
    await writer.finish();
  });
});

test('whatever comes when, and whatever fails, the log and its rest tell the text in order and once', async () => {
  const step = fc.record({ text: fc.string({ maxLength: 4 }), pauseMs: fc.integer({ min: 0, max: 1200 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.infiniteStream(fc.boolean()), async (steps, fates) => {
      const log: JobEvent[] = [];
      let last = 0;
      const { writer } = open(undefined, {
        append: async ({ number, events }) => {
          // As Redis does it: a piece that is known is not written again; and the reply of any may be lost.
          if (number > last) log.push(...events);
          last = Math.max(last, number);
          if (fates.next().value) throw away;
          return written;
        },
      });
      for (const { text, pauseMs } of steps) {
        writer.push(textPiece(text));
        await vi.advanceTimersByTimeAsync(pauseMs);
      }
      log.push(...(await writer.finish()));
      const told = log.reduce((text, event) => (event.type === 'snapshot' ? event.text : text + textOf([event])), '');
      expect(told).toBe(steps.map(({ text }) => text).join(''));
      expect(vi.getTimerCount()).toBe(0);
    }),
  );
});
