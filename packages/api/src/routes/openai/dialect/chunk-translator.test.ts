import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import { mergeDeltas, partsOfDeltas, visibleText } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import fc from 'fast-check';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../../../delivery/event-frames.ts';
import { lastSequence } from '../../../jobs/sequence.ts';
import { chatEndpoint } from '../chat-endpoint.ts';
import { chatChunksOf } from './chat-chunks.ts';
import type { Whole } from './chunk.ts';

const id = 'job_01M84AFMN7N75S4NC9P52Q6ACC';
const chatId = 'chatcmpl-01M84AFMN7N75S4NC9P52Q6ACC';

const answer = (changes: Partial<PricedAnswer>): PricedAnswer => ({
  text: '',
  finishReason: { unified: 'stop', raw: null },
  usage: { promptTokens: 3, completionTokens: 4, totalTokens: 7 },
  usageSource: 'provider',
  providerModel: 'some-model',
  providerRequestId: null,
  costNanoUsd: '1',
  priceVersion: 'test',
  ...changes,
});

const record = (changes: Partial<JobRecord>): JobRecord =>
  ({
    state: 'completed',
    request: 'req_1',
    target: 'openai/some-model',
    createdMs: 1_763_891_160_000,
    generation: { messages: [{ role: 'user', text: 'x' }] },
    sequence: 0,
    ...changes,
  }) as JobRecord;

interface Told {
  frames: Frame[];
  text: string;
  /** The objects that were sent, up to `[DONE]`. */
  chunks: { [name: string]: unknown; choices: { delta: Record<string, unknown> }[] }[];
  isDone: boolean;
}

/** All that a reader is told of a job, which may have another record when the reader comes than at its end. */
function tell(
  events: JobEvent[],
  ended: Partial<JobRecord>,
  body: object = {},
  atStart: Partial<JobRecord> = {},
): Told {
  const translator = chatEndpoint.translate(id, record({ state: 'in_progress', ...atStart }), body);
  const end = record({ sequence: events.length, ...ended });
  const frames = [
    translator.begin(end),
    ...events.map((event, index) => translator.entry({ sequence: index + 1, atMs: 0, event })),
    ...translator.end(end, events.length),
  ];
  const text = frames.map((frame) => frame.text).join('');
  const datas = text.split('\n\n').flatMap((event) => (event === '' ? [] : [event.replace(/^data: /, '')]));
  const objects = datas.filter((data) => data !== '[DONE]').map((data) => JSON.parse(data));
  return { frames, text, chunks: objects, isDone: datas.at(-1) === '[DONE]' };
}

async function accumulate(chunks: object[]) {
  const lines = chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join('');
  const stream = new Blob([lines]).stream();
  return ChatCompletionStream.fromReadableStream(stream as never).finalChatCompletion();
}

const started: JobEvent = { type: 'started', attempt: 1, provider: 'openai', model: 'openai/some-model' };

// What an SDK adds to what it was told, or leaves out of it.
function comparable(completion: object) {
  const { choices, system_fingerprint: _f, service_tier: _t, object: _o, ...rest } = completion as Whole;
  return {
    ...rest,
    choices: (choices as { message: Record<string, unknown>; [name: string]: unknown }[]).map(
      ({ message, logprobs: _l, ...choice }) => {
        const { annotations: _a, parsed: _p, refusal, tool_calls, content, ...other } = message;
        const calls = (tool_calls ?? []) as { function: Record<string, unknown> }[];
        return {
          ...choice,
          message: {
            ...other,
            content: content || null,
            refusal: refusal ?? null,
            tool_calls: calls.map(({ function: { parsed_arguments: _pa, ...called }, ...call }) => ({
              ...call,
              function: called,
            })),
          },
        };
      },
    ),
  };
}

const words = fc.string({ minLength: 1, maxLength: 12 });
const someDeltas: fc.Arbitrary<Delta[]> = fc
  .array(
    fc.oneof(
      fc.record({ type: fc.constant('text' as const), text: fc.string({ maxLength: 12 }) }),
      fc.record({ type: fc.constant('reasoning' as const), text: words }),
      fc.record({ type: fc.constant('refusal' as const), text: words }),
      fc.record({
        type: fc.constant('call' as const),
        name: words,
        pieces: fc.array(fc.string({ maxLength: 6 }), { maxLength: 4 }),
      }),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((some) => {
    let calls = 0;
    return some.flatMap((one): Delta[] => {
      if (one.type !== 'call') return [one];
      const index = calls;
      calls += 1;
      return [
        { type: 'tool-call', index, id: `call_${index}`, name: one.name, arguments: '' },
        ...one.pieces.map((piece): Delta => ({ type: 'tool-call', index, arguments: piece })),
      ];
    });
  });

const eventOf = (delta: Delta): JobEvent =>
  delta.type === 'text' ? { type: 'text-delta', text: delta.text } : { type: 'delta', delta };

const snapshotOf = (deltas: Delta[]): JobEvent => ({
  type: 'snapshot',
  text: visibleText(deltas),
  deltas: mergeDeltas(deltas),
});

const answerOfDeltas = (deltas: Delta[]) =>
  answer({
    text: visibleText(deltas),
    parts: partsOfDeltas(deltas),
    finishReason: {
      unified: deltas.some(({ type }) => type === 'tool-call') ? 'tool_calls' : 'stop',
      raw: null,
    },
  });

describe('an answer in another dialect', () => {
  test('however it comes, an SDK reads from the stream what a waiting request is answered', async () => {
    await fc.assert(
      fc.asyncProperty(someDeltas, fc.nat(), fc.nat(), fc.boolean(), async (deltas, cut, lost, wantsUsage) => {
        const ended = { answer: answerOfDeltas(deltas) };
        const at = cut % (deltas.length + 1);
        // The log starts anew in the middle, and its reader may have had less of it than there was.
        const before = deltas.slice(0, lost % (at + 1)).map(eventOf);
        const events = [started, ...before, snapshotOf(deltas.slice(0, at)), ...deltas.slice(at).map(eventOf)];
        const body = wantsUsage ? { stream_options: { include_usage: true } } : {};
        for (const log of [events, [started, ...deltas.map(eventOf)], [started, snapshotOf(deltas)], []]) {
          const { chunks, isDone } = tell(log, ended, body);
          const { usage, ...whole } = chatEndpoint.toResult(id, record(ended)) as Whole;
          const { usage: told, ...streamed } = comparable(await accumulate(chunks)) as Whole;
          expect(streamed).toEqual(comparable(whole));
          expect(told).toEqual(wantsUsage ? usage : undefined);
          expect(isDone).toBe(true);
        }
      }),
    );
  });

  test('is told as SDKs expect it: the role first, what is called before what it is given, dense indexes', () => {
    const { chunks } = tell(
      [
        started,
        { type: 'delta', delta: { type: 'tool-call', index: 0, id: 'a', name: 'f', arguments: '' } },
        { type: 'delta', delta: { type: 'tool-call', index: 0, arguments: '{}' } },
        { type: 'delta', delta: { type: 'tool-call', index: 1, id: 'b', name: 'g', arguments: '{"x":1}' } },
      ],
      {
        answer: answer({
          parts: [
            { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' },
            { type: 'tool-call', id: 'b', name: 'g', arguments: '{"x":1}' },
          ],
          finishReason: { unified: 'tool_calls', raw: null },
        }),
      },
    );
    const call = (index: number, more: object) => ({ tool_calls: [{ index, ...more }] });
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: 'assistant', content: null, refusal: null },
      call(0, { id: 'a', type: 'function', function: { name: 'f', arguments: '' } }),
      call(0, { function: { arguments: '{}' } }),
      call(1, { id: 'b', type: 'function', function: { name: 'g', arguments: '' } }),
      call(1, { function: { arguments: '{"x":1}' } }),
      {},
    ]);
    expect(new Set(chunks.map((chunk) => `${chunk.id} ${chunk.created} ${chunk.model} ${chunk.object}`))).toEqual(
      new Set([`${chatId} 1763891160 some-model chat.completion.chunk`]),
    );
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }] });
  });

  test('a client that asked with functions is answered with one', async () => {
    const deltas: Delta[] = [
      { type: 'tool-call', index: 0, id: 'a', name: 'f', arguments: '' },
      { type: 'tool-call', index: 0, arguments: '{}' },
    ];
    const generation = {
      messages: [{ role: 'user' as const, text: 'x' }],
      native: { api: 'chat' as const, body: { functions: [] } },
    };
    const ended = { answer: answerOfDeltas(deltas), generation };
    const { chunks } = tell([started, ...deltas.map(eventOf)], ended, {}, { generation });
    const message = { function_call: { name: 'f', arguments: '{}' } };
    expect(await accumulate(chunks)).toMatchObject({ choices: [{ message, finish_reason: 'function_call' }] });
    expect(chatEndpoint.toResult(id, record(ended))).toMatchObject({
      choices: [{ message, finish_reason: 'function_call' }],
    });
  });
});

const nativeBody = {
  id: 'chatcmpl-upstream',
  object: 'chat.completion',
  created: 5,
  model: 'gpt',
  system_fingerprint: 'fp_1',
  choices: [0, 1].map((index) => ({
    index,
    message: {
      role: 'assistant',
      content: `text ${index}`,
      refusal: null,
      tool_calls: [{ id: `call_${index}`, type: 'function', function: { name: 'f', arguments: `{"i":${index}}` } }],
      x_thought: 'hm',
    },
    logprobs: { content: [{ token: 'text', logprob: -0.5, bytes: null, top_logprobs: [] }], refusal: null },
    finish_reason: 'tool_calls',
    x_choice: 1,
  })),
  usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  x_new: { a: 1 },
};

const nativeAnswer = (body: Whole = nativeBody) => answer({ text: 'text 0', native: { api: 'chat', body } });

const framesOf = (body: Whole, more: object = {}) => [
  ...chatChunksOf(body).map((chunk) => JSON.stringify({ ...chunk, ...more })),
  JSON.stringify({ ...body, object: 'chat.completion.chunk', choices: [], usage: body.usage }),
];

describe("its provider's own answer", () => {
  test('passes on what the provider sent, but for the id and the usage that nobody asked for', () => {
    const frames = framesOf(nativeBody, { usage: null, x_frame: [1] });
    const events: JobEvent[] = [started, ...frames.map((frame): JobEvent => ({ type: 'delta', frames: [frame] }))];
    const { chunks, isDone } = tell(events, { answer: nativeAnswer() });
    const expected = frames.slice(0, -1).map((frame) => {
      const { usage: _usage, ...chunk } = JSON.parse(frame);
      return { ...chunk, id: chatId };
    });
    expect(chunks).toEqual(expected);
    expect(isDone).toBe(true);
    const asked = tell(events, { answer: nativeAnswer() }, { stream_options: { include_usage: true } });
    expect(asked.chunks).toEqual(frames.map((frame) => ({ ...JSON.parse(frame), id: chatId })));
  });

  test('is told of by its frames, not by the deltas beside them', () => {
    const [first = '', ...others] = framesOf(nativeBody);
    const { text } = tell(
      [
        started,
        { type: 'delta', delta: { type: 'text', text: 'text 0' }, frames: [] },
        { type: 'delta', delta: { type: 'tool-call', index: 0, id: 'x', name: 'f', arguments: '' }, frames: [first] },
        { type: 'delta', frames: others },
      ],
      { answer: nativeAnswer() },
    );
    expect(text.split('text 0')).toHaveLength(2);
  });

  test.for([
    ['that was not streamed to us', [started], {}],
    [
      'that was not streamed to us and is in the log',
      [started, { type: 'delta', native: { api: 'chat', body: nativeBody } }],
      {},
    ],
    [
      'of the cache',
      [
        { type: 'delta', delta: { type: 'text', text: 'text 0' }, frames: [] },
        { type: 'delta', native: { api: 'chat', body: nativeBody } },
      ],
      { answer: nativeAnswer(), state: 'completed' },
    ],
    [
      'of which the log has all at once',
      [started, { type: 'snapshot', text: 'text 0', native: { api: 'chat', body: nativeBody } }],
      {},
    ],
    [
      'of which the log has all at once after a part was told',
      [
        started,
        { type: 'delta', frames: framesOf(nativeBody).slice(0, 3) },
        { type: 'snapshot', text: 'text 0', native: { api: 'chat', body: nativeBody } },
      ],
      {},
    ],
  ] as [string, JobEvent[], Partial<JobRecord>][])('one %s is told whole', async ([, events, atStart]) => {
    const body = { stream_options: { include_usage: true } };
    const { chunks, isDone } = tell(events, { answer: nativeAnswer() }, body, atStart);
    expect(isDone).toBe(true);
    const { id: _id, object: _object, ...expected } = nativeBody;
    expect(await accumulate(chunks)).toMatchObject({ id: chatId, ...expected });
  });

  test('whose provider told no usage is given ours', () => {
    const { usage: _usage, ...body } = nativeBody;
    const frames = framesOf(body).slice(0, -1);
    const { chunks } = tell(
      [started, { type: 'delta', frames }],
      { answer: nativeAnswer(body) },
      { stream_options: { include_usage: true } },
    );
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 3, total_tokens: 7 } });
    expect(chunks.filter(({ usage }) => usage !== null)).toHaveLength(1);
  });
});

describe('an attempt that comes to nothing', () => {
  const opening = JSON.stringify({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] });

  test('is not seen where no word was given out', () => {
    const { text, isDone } = tell(
      [
        started,
        { type: 'delta', frames: [opening] },
        { type: 'retrying', attempt: 2, afterMs: 1, reason: 'provider_busy', reset: false },
        { ...started, attempt: 2 },
        { type: 'text-delta', text: 'Hi.' },
      ],
      { answer: answer({ text: 'Hi.' }) },
    );
    expect(text.split('"role"')).toHaveLength(2);
    expect(isDone).toBe(true);
  });

  test.for([
    [{ type: 'retrying', attempt: 2, afterMs: 1, reason: 'provider_busy', reset: true }],
    [{ ...started, attempt: 2 }],
    [{ type: 'snapshot', text: 'Something else' }],
  ] as [JobEvent][])('ends the stream where one was: %j', ([event]) => {
    const translator = chatEndpoint.translate(id, record({}), {});
    translator.entry({ sequence: 1, atMs: 0, event: started });
    const said = translator.entry({ sequence: 2, atMs: 0, event: { type: 'text-delta', text: 'Hi.' } });
    expect(said).toMatchObject({ sequence: 2, kind: 'text' });
    expect(translator.entry({ sequence: 3, atMs: 0, event })).toMatchObject({ sequence: 3, isLast: true });
    expect(JSON.parse(chatEndpoint.manner.lost.replace('data: ', ''))).toMatchObject({
      error: { type: 'server_error', code: 'upstream_error', param: null },
    });
  });

  test('a failure ends it with an error and without [DONE]', () => {
    const failure = { code: 'provider_busy', detail: 'Too busy.' } as const;
    const { text, isDone } = tell([started, { type: 'text-delta', text: 'Hi' }], { state: 'failed', failure });
    expect(isDone).toBe(false);
    expect(text).toContain(
      '{"error":{"message":"Too busy.","type":"server_error","param":null,"code":"upstream_error"}}',
    );
  });
});

test('an answer keeps its time and its model, although its provider names a snapshot at the end', () => {
  const { chunks } = tell(
    [started, { type: 'text-delta', text: 'Hi.' }],
    { answer: answer({ text: 'Hi.', providerModel: 'some-model-2026-01-01' }) },
    { stream_options: { include_usage: true } },
  );
  expect(new Set(chunks.map(({ model, created }) => `${model} ${created}`))).toEqual(
    new Set(['some-model 1763891160']),
  );
  expect(chunks).toHaveLength(4);
});

test('there is one frame for every event, numbered as it is, and none for a reader that has all', () => {
  const ended = record({ sequence: 2, answer: answer({ text: 'Hi.' }) });
  const { frames } = tell([started, { type: 'text-delta', text: 'Hi.' }], { answer: answer({ text: 'Hi.' }) });
  expect(frames.map(({ sequence }) => sequence)).toEqual([0, 1, 2, lastSequence(ended)]);
  expect(frames.slice(0, 2).every(({ text, kind }) => text === '' && kind === 'life')).toBe(true);
  expect(chatEndpoint.translate(id, ended, {}).end(ended, lastSequence(ended))).toEqual([]);
});
