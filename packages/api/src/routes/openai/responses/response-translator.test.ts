import { type Answer, unifiedFinishReasons } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import { partsOfDeltas, visibleText } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent, LogEntry } from '@llm-gateway/shared/contracts/event';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accumulate, readAsClient, readEvents } from '../../../test/read-response-stream.ts';
import { eventsOf } from './response-events.ts';
import { ResponseTranslator } from './response-translator.ts';
import { toResponseResult } from './view-response.ts';

const jobId = 'job_01M84AFMN7N75S4NC9P52Q6ACC';
const ownId = 'resp_01M84AFMN7N75S4NC9P52Q6ACC';

const asked = (body: object = {}, more: object = {}): JobRecord =>
  ({
    state: 'in_progress',
    createdMs: 1_795_523_509_000,
    target: 'anthropic/claude-sonnet-4-5',
    request: 'req_1',
    metadata: {},
    sequence: 0,
    generation: {
      messages: [{ role: 'user', text: 'hi' }],
      native: { api: 'responses', body: { model: 'claude-sonnet-4-5', input: 'hi', ...body }, ...more },
    },
  }) as unknown as JobRecord;

const answerOf = (deltas: readonly Delta[], changes: Partial<Answer> = {}): JobRecord['answer'] => ({
  text: visibleText(deltas),
  parts: partsOfDeltas(deltas),
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { promptTokens: 11, completionTokens: 7, totalTokens: 18 },
  usageSource: 'provider',
  providerModel: 'claude-sonnet-4-5-20250929',
  providerRequestId: null,
  costNanoUsd: '1',
  priceVersion: 'test',
  ...changes,
});

const ended = (record: JobRecord, entries: readonly LogEntry[], changes: Partial<JobRecord>): JobRecord => ({
  ...record,
  state: 'completed',
  finishedMs: record.createdMs + 2000,
  sequence: entries.length,
  ...changes,
});

const logOf = (events: readonly JobEvent[], sameTime: readonly boolean[] = []): LogEntry[] => {
  let atMs = 1;
  return events.map((event, index) => {
    atMs += sameTime[index] ? 0 : 1;
    return { sequence: index + 1, atMs, event };
  });
};

/** All that a reader is sent who has the events up to `after`. */
function read(record: JobRecord, entries: readonly LogEntry[], end: JobRecord | undefined, after = -1): string {
  const translator = new ResponseTranslator(jobId, record, after);
  let text = translator.begin().text;
  let cursor = 0;
  for (const entry of entries) {
    const frame = translator.entry(entry);
    text += frame.text;
    cursor = frame.sequence;
    if (frame.isLast) return text;
  }
  for (const frame of end ? translator.end(end, cursor) : []) text += frame.text;
  return text;
}

const typesOf = (text: string) => readEvents(text).map(({ type }) => type.replace('response.', ''));

const text = (said: string): JobEvent => ({ type: 'text-delta', text: said });
const delta = (said: Delta): JobEvent => ({ type: 'delta', delta: said });
const started: JobEvent = { type: 'started', attempt: 1, provider: 'anthropic', model: 'anthropic/claude-sonnet-4-5' };

/** What a model may say, in pieces: thoughts, text, refusals, and calls whose arguments may come side by side. */
const deltasArbitrary = fc
  .array(
    fc.oneof(
      fc.record({ kind: fc.constantFrom('text', 'refusal'), said: fc.string() }),
      fc.record({ kind: fc.constant('reasoning'), said: fc.string(), isSigned: fc.boolean() }),
      fc.record({ kind: fc.constant('call'), said: fc.string(), isNew: fc.boolean(), which: fc.nat(5) }),
    ),
    { maxLength: 20 },
  )
  .map((pieces): Delta[] => {
    let calls = 0;
    return pieces.map((piece, at): Delta => {
      if ('which' in piece) {
        if (calls > 0 && !piece.isNew) return { type: 'tool-call', index: piece.which % calls, arguments: piece.said };
        calls += 1;
        return { type: 'tool-call', index: calls - 1, id: `toolu_${at}`, name: `f${at}`, arguments: piece.said };
      }
      if ('isSigned' in piece) {
        return { type: 'reasoning', text: piece.said, ...(piece.isSigned ? { signature: `s${at}` } : {}) };
      }
      return { type: piece.kind as 'text' | 'refusal', text: piece.said };
    });
  });

describe('what a model of another provider says', () => {
  test('is the stream of the very response that waiting would have brought, and official clients accept it', async () => {
    await fc.assert(
      fc.asyncProperty(
        deltasArbitrary,
        fc.constantFrom(...unifiedFinishReasons),
        fc.array(fc.boolean()),
        fc.boolean(),
        async (deltas, unified, sameTime, background) => {
          const record = asked({}, { asked: { background } });
          const entries = logOf([started, ...deltas.map(delta)], sameTime);
          const answer = answerOf(deltas, { finishReason: { unified, raw: null } });
          const end = ended(record, entries, { answer });
          const stream = read(record, entries, end);

          const whole = JSON.parse(JSON.stringify(toResponseResult(jobId, end)));
          const events = readEvents(stream);
          expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
          expect(events.at(-1)?.response).toEqual(whole);
          expect(accumulate(events).output).toEqual(whole.output);
          expect((await readAsClient(stream)).id).toBe(ownId);
          expect(stream.endsWith('data: [DONE]\n\n')).toBe(true);
          expect(new Set(whole.output.map(({ id }: { id: string }) => id)).size).toBe(whole.output.length);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('comes to the same, however much of it the log has lost at its end', () => {
    fc.assert(
      fc.property(deltasArbitrary, fc.nat(20), (deltas, kept) => {
        const record = asked();
        const entries = logOf(deltas.slice(0, kept).map(delta));
        const end = ended(record, logOf(deltas.map(delta)), { answer: answerOf(deltas) });
        const events = readEvents(read(record, entries, end));
        const whole = JSON.parse(JSON.stringify(toResponseResult(jobId, end)));
        expect(events.at(-1)?.response).toEqual(whole);
        expect(accumulate(events).output).toEqual(whole.output);
      }),
    );
  });

  test('resumes after every number with exactly the rest', () => {
    fc.assert(
      fc.property(deltasArbitrary, fc.boolean(), (deltas, background) => {
        const record = asked({}, { asked: { background } });
        const entries = logOf([started, ...deltas.map(delta)]);
        const end = ended(record, entries, { answer: answerOf(deltas) });
        const all = read(record, entries, end).split(/(?<=\n\n)/);
        for (let after = 0; after < all.length; after += 1) {
          expect(read(end, entries, end, after)).toBe(all.slice(Math.min(after + 1, all.length - 1)).join(''));
        }
      }),
      { numRuns: 30 },
    );
  });

  test('has the events of OpenAI in their order', () => {
    const record = asked();
    const call = (said: object): JobEvent => delta({ type: 'tool-call', index: 0, arguments: '', ...said } as Delta);
    const events = [
      delta({ type: 'reasoning', text: 'hm', signature: 's' }),
      text('a'),
      text('b'),
      call({ id: 'toolu_1', name: 'f' }),
    ];
    const entries = logOf(events);
    const deltas: Delta[] = [
      { type: 'reasoning', text: 'hm', signature: 's' },
      { type: 'text', text: 'ab' },
      { type: 'tool-call', index: 0, id: 'toolu_1', name: 'f', arguments: '' },
    ];
    const stream = read(record, entries, ended(record, entries, { answer: answerOf(deltas) }));
    expect(typesOf(stream)).toEqual([
      ...['created', 'in_progress', 'output_item.added', 'reasoning_summary_part.added'],
      ...['reasoning_summary_text.delta', 'reasoning_summary_text.done', 'reasoning_summary_part.done'],
      ...['output_item.done', 'output_item.added', 'content_part.added', 'output_text.delta', 'output_text.delta'],
      ...['output_text.done', 'content_part.done', 'output_item.done', 'output_item.added'],
      ...['function_call_arguments.delta', 'function_call_arguments.done', 'output_item.done', 'completed'],
    ]);
    const [thought, , called] = (readEvents(stream).at(-1) as unknown as { response: { output: object[] } }).response
      .output;
    expect(thought).toMatchObject({ type: 'reasoning', encrypted_content: 's' });
    expect(called).toMatchObject({ type: 'function_call', call_id: 'toolu_1', name: 'f', arguments: '{}' });
  });

  test('goes on where it was when the log has begun anew', () => {
    const record = asked();
    const call: Delta = { type: 'tool-call', index: 0, id: 'c', name: 'f', arguments: '{"a"' };
    const whole: Delta[] = [
      { type: 'text', text: 'abc' },
      { ...call, arguments: '{"a":1}' },
    ];
    const entries = logOf([
      text('ab'),
      { type: 'snapshot', text: 'abc', deltas: [{ type: 'text', text: 'abc' }, call] },
    ]);
    const events = readEvents(read(record, entries, ended(record, entries, { answer: answerOf(whole) })));
    const said = events.filter(({ type }) => type.endsWith('.delta')).map((event) => event.delta);
    expect(said).toEqual(['ab', 'c', '{"a"', ':1}']);
    expect(accumulate(events).output).toMatchObject([{ content: [{ text: 'abc' }] }, { arguments: '{"a":1}' }]);
  });

  test('holds back nothing for an HTTP error but what begins every stream', () => {
    const translator = new ResponseTranslator(jobId, asked(), -1);
    const [begun, said] = logOf([started, text('a')]);
    const kinds = [translator.begin(), translator.entry(begun as LogEntry)].map(({ kind, text: told }) => [kind, told]);
    expect(kinds).toEqual([
      ['life', ''],
      ['life', ''],
    ]);
    expect(translator.entry(said as LogEntry)).toMatchObject({ kind: 'text', sequence: 2 });
  });
});

/** A provider's own response, with something of everything. */
const native = {
  id: 'resp_of_the_provider',
  object: 'response',
  status: 'completed',
  model: 'gpt-4o-2024-11-20',
  x_new: { a: 1 },
  background: false,
  previous_response_id: 'resp_before',
  output: [
    { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'x' },
    { id: 'ws_1', type: 'web_search_call', status: 'completed', action: { type: 'search' } },
    {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [
        { type: 'output_text', text: 'hello', annotations: [], logprobs: [] },
        { type: 'refusal', refusal: 'no' },
      ],
    },
    { id: 'fc_1', type: 'function_call', status: 'completed', call_id: 'call_1', name: 'f', arguments: '{"a":1}' },
    { id: 'ctc_1', type: 'custom_tool_call', status: 'completed', call_id: 'call_2', name: 'g', input: 'do' },
  ],
};
const nativeAnswer = answerOf([{ type: 'text', text: 'hello' }], { native: { api: 'responses', body: native } });
const numbered = [...eventsOf(native)].map((event, sequence_number) => ({ ...event, sequence_number }));
const nativeFrames = numbered.map((event) => JSON.stringify(event));
const framed = (...frames: string[]): JobEvent => ({ type: 'delta', frames });

describe("a provider's own stream", () => {
  test('is passed on as it came but for the names that the client knows', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5)), (sizes) => {
        const left = [...nativeFrames];
        const groups = sizes.map((size) => left.splice(0, size));
        const record = asked({ previous_response_id: 'resp_before' }, { asked: { previous_response_id: 'resp_ours' } });
        const entries = logOf([started, ...[...groups, left].map((group) => framed(...group))]);
        const stream = read(record, entries, ended(record, entries, { answer: nativeAnswer }));
        const expected = numbered.map((event) =>
          'response' in event
            ? { ...event, response: { ...(event.response as object), id: ownId, previous_response_id: 'resp_ours' } }
            : event,
        );
        expect(readEvents(stream)).toEqual(expected);
      }),
    );
  });

  test.for([
    ['was never streamed', []],
    [
      'comes whole from the cache',
      [{ type: 'delta', delta: { type: 'text', text: 'hello' }, native: { api: 'responses', body: native } }],
    ],
    ['has no log any more', [{ type: 'snapshot', text: 'hello' }]],
  ] as [string, JobEvent[]][])('that %s is made of the whole', async ([, events]) => {
    const record = asked();
    const entries = logOf(events);
    const stream = read(record, entries, ended(record, entries, { answer: nativeAnswer }));
    expect(readEvents(stream).at(-1)?.response).toEqual({ ...native, id: ownId, previous_response_id: null });
    expect(accumulate(readEvents(stream)).output).toEqual(native.output);
    expect((await readAsClient(stream)).output_text).toBe('hello');
  });

  test('is known as such by what comes with the last of what was written together', () => {
    const record = asked();
    const [first = '', ...others] = nativeFrames;
    const entries = logOf(
      [
        started,
        { ...delta({ type: 'reasoning', text: 'hm' }), frames: [] } as JobEvent,
        { ...framed(first), delta: { type: 'text', text: 'hello' } } as JobEvent,
        framed(...others),
      ],
      [false, false, true, false],
    );
    const stream = read(record, entries, ended(record, entries, { answer: nativeAnswer }));
    expect(typesOf(stream)).toEqual(numbered.map(({ type }) => type.replace('response.', '')));
  });

  test('in the background begins with ours, and goes on with new numbers', () => {
    const record = asked({}, { asked: { background: true } });
    const entries = logOf([started, framed(...nativeFrames)]);
    const stream = read(record, entries, ended(record, entries, { answer: nativeAnswer }));
    const events = readEvents(stream);
    expect(typesOf(stream)).toEqual([
      'created',
      'queued',
      ...numbered.slice(1).map(({ type }) => type.replace('response.', '')),
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    expect(
      events.flatMap(({ response }) => (response ? [(response as { background: boolean }).background] : [])),
    ).toEqual([true, true, true, true]);
  });

  test('does not tell of a failure that another call makes good', () => {
    const record = asked();
    const [created = ''] = nativeFrames;
    const failedFrames = [created, '{"type":"error","message":"x"}', '{"type":"response.failed","response":{}}'];
    const retrying: JobEvent = { type: 'retrying', attempt: 2, afterMs: 1, reason: 'provider_busy', reset: true };
    const entries = logOf([
      started,
      framed(...failedFrames),
      retrying,
      { ...started, attempt: 2 },
      framed(...nativeFrames),
    ]);
    const stream = read(record, entries, ended(record, entries, { answer: nativeAnswer }));
    expect(typesOf(stream)).toEqual(numbered.map(({ type }) => type.replace('response.', '')));
  });

  test('that the log has begun anew goes on where it was', () => {
    const record = asked();
    const isTextDelta = ({ type }: { type: string }) => type === 'response.output_text.delta';
    const upTo = numbered.findIndex(isTextDelta);
    const said = { ...numbered[upTo], delta: 'he' };
    const before = [...nativeFrames.slice(0, upTo), JSON.stringify(said)];
    const thought: Delta = { type: 'reasoning', text: 'hm' };
    const entries = logOf([
      { ...framed(...before), delta: thought } as JobEvent,
      { ...framed(), delta: { type: 'text', text: 'he' } } as JobEvent,
      { type: 'snapshot', text: 'hello', deltas: [thought, { type: 'text', text: 'hello' }] },
      framed(...nativeFrames.slice(upTo + 1)),
    ]);
    const events = readEvents(read(record, entries, ended(record, entries, { answer: nativeAnswer })));
    expect(events.filter(isTextDelta).map((event) => event.delta)).toEqual(['he', 'llo']);
    expect(accumulate(events).output).toEqual(native.output);
  });
});

describe('a stream that cannot go on', () => {
  const failure = { code: 'provider_busy', detail: 'The provider failed.' } as const;

  test('tells the error flat and nested, then the failed response, then its end', async () => {
    const record = asked();
    const entries = logOf([started, text('a')]);
    const stream = read(record, entries, ended(record, entries, { state: 'failed', failure }));
    const [error, failed] = readEvents(stream).slice(-2);
    expect(error).toEqual({
      type: 'error',
      sequence_number: 5,
      code: 'upstream_error',
      message: 'The provider failed.',
      param: null,
      error: { message: 'The provider failed.', type: 'server_error', param: null, code: 'upstream_error' },
    });
    expect(failed).toMatchObject({
      type: 'response.failed',
      sequence_number: 6,
      response: { id: ownId, status: 'failed', error: { code: 'upstream_error', message: 'The provider failed.' } },
    });
    expect(stream.endsWith('data: [DONE]\n\n')).toBe(true);
    await expect(readAsClient(stream)).rejects.toThrow('The provider failed.');
  });

  test.for([
    ['another call', [{ ...started, attempt: 2 }]],
    ['a call that is announced', [{ type: 'retrying', attempt: 2, afterMs: 1, reason: 'provider_busy', reset: true }]],
    ['the text of another run', [{ type: 'snapshot', text: 'b' }]],
  ] as [string, JobEvent[]][])('because of %s ends for this reader', async ([, events]) => {
    const record = asked();
    const stream = read(record, logOf([started, text('a'), ...events, text('b')]), undefined);
    expect(typesOf(stream).slice(-2)).toEqual(['error', 'failed']);
    expect(stream).not.toContain('"delta":"b"');
    await expect(readAsClient(stream)).rejects.toThrow();
  });

  test('because its events are no longer kept is no stream for one who has a part of it', () => {
    const stream = read(asked(), logOf([{ type: 'snapshot', text: 'abc' }, text('d')]), undefined, 3);
    expect(readEvents(stream).map(({ type, sequence_number }) => [type, sequence_number])).toEqual([
      ['error', 4],
      ['response.failed', 5],
    ]);
    expect(stream).toContain('result_expired');
  });

  test.for([
    [true, ['incomplete'], 'cancelled'],
    [false, ['error', 'failed'], 'failed'],
  ] as const)('because it was cancelled, background %s, ends with %j', ([background, types, status]) => {
    const record = asked({}, { asked: { background } });
    const entries = logOf([started, text('a')]);
    const cancelled = { code: 'job_cancelled', detail: 'It was cancelled.' } as const;
    const stream = read(record, entries, ended(record, entries, { state: 'cancelled', failure: cancelled }));
    expect(typesOf(stream).slice(-types.length)).toEqual(types);
    expect(readEvents(stream).at(-1)).toMatchObject({ response: { status } });
  });
});
